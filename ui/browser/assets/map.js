// The map: clips as points on a canvas, to hear by a click, to go through by the arrow keys, and to search inside of.

import { el, icon, seconds, typing } from "./dom.js";
import { Player } from "./player.js";

const GROUPS = {
  light: ["#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#c2255c", "#b08900", "#1864ab", "#795548", "#5c940d"],
  dark: ["#4cc3d4", "#ff922b", "#b197fc", "#69db7c", "#f783ac", "#ffd43b", "#74c0fc", "#bcaaa4", "#c0eb75"],
};
const SCALE = { light: ["#d0d7de", "#0b3d4a"], dark: ["#2c4a52", "#b8f4ff"] };
const REACH = 14;
const mounted = new WeakMap();
const kept = new Map();

export default function mount(component) {
  let map = mounted.get(component.parentElement);
  if (!map) {
    map = new ClipMap(component);
    mounted.set(component.parentElement, map);
  }
  map.update(component);
  return () => {
    map.close();
    mounted.delete(component.parentElement);
  };
}

// Points are [length of the head u32, head as JSON], then x, y, duration_s (f32 each), ids (u64), groups (i8), each by column.
async function points(url) {
  if (!kept.has(url)) {
    if (kept.size > 4) kept.delete(kept.keys().next().value);
    kept.set(url, (async () => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error((await answer.json()).error);
      const buffer = await answer.arrayBuffer();
      const length = new DataView(buffer).getUint32(0, true);
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
      const n = head.n, at = (i) => 4 + length + 4 * i * n;
      const column = (type, from, size) => new type(buffer.slice(from, from + size * n));
      return {
        ...head, x: column(Float32Array, at(0), 4), y: column(Float32Array, at(1), 4), duration: column(Float32Array, at(2), 4),
        ids: column(BigUint64Array, at(3), 8), group: column(Int8Array, at(5), 1),
      };
    })());
  }
  try {
    return await kept.get(url);
  } catch (error) {
    kept.delete(url);
    throw error;
  }
}

class ClipMap {
  constructor(component) {
    this.host = component.parentElement;
    this.view = { x: 0, y: 0, zoom: 1 };
    this.only = null; // the group that the legend singles out
    this.at = -1; // the point that the keyboard is at
    this.area = [];
    this.lit = new Map();
    this.pointers = new Map();
    this.lasso = false;
    this.player = new Player(() => this.paint());
    const tool = (name, label, what) => el("button", { type: "button", class: `tool ${name}`, title: label, "aria-label": label, onclick: what });
    this.select = tool("lasso", "Draw round what to search inside (or hold shift)", () => this.setLasso(!this.lasso));
    this.select.append(icon("lasso"), el("span", { text: "Select" }));
    this.clear = tool("clear", "Search everywhere again (Escape)", () => this.setArea([]));
    this.clear.append(icon("close"), el("span", { text: "Clear selection" }));
    const nearer = tool("nearer", "Nearer (+)", () => this.zoomBy(1.6)), farther = tool("farther", "Farther (-)", () => this.zoomBy(1 / 1.6));
    const whole = tool("whole", "The whole map (0)", () => this.reset());
    nearer.append(icon("more"));
    farther.append(icon("less"));
    whole.append(icon("whole"));
    this.count = el("span", { class: "count", role: "status" });
    this.canvas = el("canvas", { tabindex: "0", role: "application" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.said = el("div", { class: "sr", role: "status" });
    this.legend = el("ul", { class: "legend", "aria-label": "Colours" });
    this.plot = el("div", { class: "plot" }, this.canvas, this.tip);
    this.root = el("div", { class: "root" },
      el("div", { class: "head" }, this.count, el("div", { class: "tools" }, this.clear, this.select, farther, nearer, whole)),
      this.plot, this.legend, this.said, this.player.node);
    this.host.append(this.root);
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.plot);
    this.theme = new MutationObserver(() => { this.sprites = null; this.drawLegend(); this.draw(); });
    this.theme.observe(this.host.host ?? this.host, { attributes: true });
    this.listen();
  }

  close() {
    this.resized.disconnect();
    this.theme.disconnect();
    this.player.stop();
    this.root.remove();
  }

  update({ data, setTriggerValue }) {
    this.data = data;
    this.say = (event) => setTriggerValue("event", { ...event, n: Date.now() });
    this.area = data.area;
    this.lit = new Map(data.lit.map((id, i) => [id, i]));
    this.clear.hidden = !this.area.length;
    if (this.url !== data.url) {
      this.url = data.url;
      this.root.setAttribute("aria-busy", "true");
      points(data.url).then((found) => this.loaded(data.url, found), (error) => { this.count.textContent = error.message; });
    } else this.draw();
  }

  loaded(url, found) {
    if (url !== this.url) return;
    this.points = found;
    this.only = null;
    this.at = -1;
    this.index = new Map();
    for (let i = 0; i < found.n; i += 1) this.index.set(String(found.ids[i]), i);
    this.canvas.setAttribute("aria-label", `Map of ${found.n} clips: the arrow keys go from clip to clip, space plays, plus and minus zoom`);
    this.count.textContent = found.n < found.n_clips ? `${found.n.toLocaleString("en")} of ${found.n_clips.toLocaleString("en")} clips drawn` : this.data.count;
    this.root.removeAttribute("aria-busy");
    this.canvas.dataset.n = String(found.n);
    this.drawLegend();
    this.fit();
  }

  // Where things are: places on the map from -1 to 1, x to the right, y up; pixels of the canvas from its upper left.
  fit() {
    const ratio = window.devicePixelRatio || 1;
    this.width = Math.max(1, this.plot.clientWidth);
    this.height = Math.max(1, this.plot.clientHeight);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.sprites = null;
    this.draw();
  }

  get unit() { return 0.47 * this.view.zoom; }
  left(x) { return this.width / 2 + (x - this.view.x) * this.unit * this.width; }
  top(y) { return this.height / 2 - (y - this.view.y) * this.unit * this.height; }
  place(left, top) {
    return [this.view.x + (left - this.width / 2) / (this.unit * this.width), this.view.y - (top - this.height / 2) / (this.unit * this.height)];
  }

  style() {
    const computed = getComputedStyle(this.root), of = (name) => computed.getPropertyValue(name).trim();
    const text = of("--text"), dark = /^#[a-f]|^rgb\((2|1[5-9])/i.test(text);
    return { text, dark, accent: of("--accent"), ground: of("--ground"), line: of("--line"), names: dark ? "dark" : "light" };
  }

  colours() {
    const style = this.style();
    if (!this.points?.is_scale) return GROUPS[style.names];
    const n = Math.max(1, this.points.groups.length - 1), [from, to] = SCALE[style.names];
    return this.points.groups.map((_, i) => `color-mix(in oklab, ${to} ${Math.round((100 * i) / n)}%, ${from})`);
  }

  colour(group, colours, style) {
    const others = group < 0 || (this.points.groups[group]?.name === "others" && group >= 8);
    if (!this.points.groups.length) return style.accent;
    return others ? (style.dark ? "#868e96" : "#8d959b") : colours[group % colours.length];
  }

  // A point of each colour, drawn once and copied.
  sprite(group) {
    this.sprites ??= new Map();
    if (!this.sprites.has(group)) {
      const ratio = window.devicePixelRatio || 1, style = this.style();
      const radius = this.radius * ratio, size = Math.ceil(2 * radius + 2);
      const canvas = new OffscreenCanvas(size, size), at = canvas.getContext("2d");
      at.fillStyle = this.colour(group, this.colours(), style);
      at.strokeStyle = style.ground;
      at.lineWidth = 0.8 * ratio;
      at.beginPath();
      at.arc(size / 2, size / 2, radius, 0, 2 * Math.PI);
      at.fill();
      if (radius > 3) at.stroke();
      this.sprites.set(group, canvas);
    }
    return this.sprites.get(group);
  }

  get radius() {
    const n = this.points?.n ?? 0;
    return (n > 20000 ? 1.4 : n > 4000 ? 2.2 : n > 600 ? 3.2 : 4.6) * Math.min(2, Math.sqrt(this.view.zoom));
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    if (!this.points || !this.width) return;
    const ratio = window.devicePixelRatio || 1, at = this.canvas.getContext("2d"), style = this.style(), p = this.points;
    if (this.drawnZoom !== this.view.zoom) { this.sprites = null; this.drawnZoom = this.view.zoom; }
    at.setTransform(1, 0, 0, 1, 0, 0);
    at.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const dim = this.lit.size > 0 || this.only !== null;
    const sx = this.unit * this.width * ratio, sy = this.unit * this.height * ratio;
    const ox = (this.width / 2) * ratio - this.view.x * sx, oy = (this.height / 2) * ratio + this.view.y * sy;
    for (const front of dim ? [false, true] : [true]) {
      at.globalAlpha = front ? 0.95 : 0.22;
      for (let i = 0; i < p.n; i += 1) {
        const group = p.group[i];
        const in_front = !dim || (this.only !== null ? group === this.only : this.lit.has(String(p.ids[i])));
        if (in_front !== front) continue;
        const sprite = this.sprite(group), left = ox + p.x[i] * sx, top = oy - p.y[i] * sy;
        if (left < -20 || top < -20 || left > this.canvas.width + 20 || top > this.canvas.height + 20) continue;
        at.drawImage(sprite, left - sprite.width / 2, top - sprite.height / 2);
      }
    }
    at.globalAlpha = 1;
    at.setTransform(ratio, 0, 0, ratio, 0, 0);
    const ring = (i, radius, colour, width) => {
      at.strokeStyle = colour;
      at.lineWidth = width;
      at.beginPath();
      at.arc(this.left(p.x[i]), this.top(p.y[i]), radius, 0, 2 * Math.PI);
      at.stroke();
    };
    for (const [id, rank] of this.lit) if (this.index.has(id)) ring(this.index.get(id), this.radius + (rank < 3 ? 4.5 : 2.5), style.text, rank < 3 ? 2 : 1.2);
    const outline = this.drawing ?? this.area;
    if (outline.length) {
      at.beginPath();
      for (const [x, y] of outline) at.lineTo(this.left(x), this.top(y));
      at.closePath();
      at.fillStyle = style.accent;
      at.globalAlpha = 0.1;
      at.fill();
      at.globalAlpha = 1;
      at.strokeStyle = style.accent;
      at.lineWidth = 1.5;
      at.setLineDash([5, 4]);
      at.stroke();
      at.setLineDash([]);
    }
    const heard = this.player.hit ? this.index.get(this.player.hit.key) : undefined;
    if (heard !== undefined) ring(heard, this.radius + 6, style.accent, 3);
    if (this.at >= 0) ring(this.at, this.radius + 8, style.text, 1.5);
  }

  drawLegend() {
    if (!this.points) return;
    const colours = this.colours(), style = this.style();
    this.legend.replaceChildren(...this.points.groups.map((group, i) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = this.colour(i, colours, style);
      return el("li", {}, el("button", {
        type: "button", class: "entry", "aria-pressed": String(this.only === i), title: `Only ${group.name}`,
        onclick: () => { this.only = this.only === i ? null : i; this.drawLegend(); this.draw(); },
      }, swatch, el("bdi", { text: group.name }), el("span", { class: "number", text: group.n_clips.toLocaleString("en") })));
    }));
    this.legend.hidden = !this.points.groups.length;
  }

  nearest(left, top, reach = REACH) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < (this.points?.n ?? 0); i += 1) {
      if (this.only !== null && this.points.group[i] !== this.only) continue;
      const dx = this.left(this.points.x[i]) - left, dy = this.top(this.points.y[i]) - top, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  describe(i) {
    const group = this.points.groups[this.points.group[i]];
    return [this.points.names[i], `${seconds(this.points.duration[i])}${group ? ` · ${group.name}` : ""}`];
  }

  show(i) {
    this.tip.hidden = i < 0;
    if (i < 0) return;
    const [name, rest] = this.describe(i);
    this.tip.replaceChildren(el("bdi", { class: "name", text: name }), el("span", { text: rest }));
    const left = this.left(this.points.x[i]), top = this.top(this.points.y[i]);
    this.tip.style.left = `${Math.min(Math.max(4, left - this.tip.offsetWidth / 2), this.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${top > 64 ? top - this.tip.offsetHeight - 12 : top + 16}px`;
  }

  hear(i) {
    if (i < 0) return;
    const id = String(this.points.ids[i]);
    if (this.player.hit?.key === id && this.player.playing) return this.player.flip();
    const [name] = this.describe(i);
    const length = this.points.duration[i];
    this.player.play({ key: id, clip: id, name, media: `${this.data.media}/${id}`, start_s: 0, end_s: length, duration_s: length });
    this.said.textContent = `${name} plays`;
  }

  setLasso(on) {
    this.lasso = on;
    this.select.setAttribute("aria-pressed", String(on));
    this.plot.classList.toggle("selecting", on);
  }

  setArea(corners) {
    this.drawing = null;
    this.setLasso(false);
    this.area = corners;
    this.draw();
    this.say({ kind: "area", corners });
  }

  reset() {
    this.view = { x: 0, y: 0, zoom: 1 };
    this.draw();
  }

  zoomBy(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.place(left, top);
    this.view.zoom = Math.min(200, Math.max(0.8, this.view.zoom * factor));
    const [now_x, now_y] = this.place(left, top);
    this.view.x += x - now_x;
    this.view.y += y - now_y;
    this.show(-1);
    this.draw();
  }

  listen() {
    const where = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== this.host.host && this.canvas !== this.host.activeElement) return;
      event.preventDefault();
      this.zoomBy(1.0015 ** -event.deltaY, ...where(event));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.zoomBy(2, ...where(event)));
    this.canvas.addEventListener("pointerdown", (event) => {
      const at = where(event);
      this.pointers.set(event.pointerId, at);
      try { this.canvas.setPointerCapture(event.pointerId); } catch { /* made by a script, not by a hand */ }
      this.from = at;
      this.moved = false;
      if (this.lasso || event.shiftKey) this.drawing = [this.place(...at)];
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const at = where(event), before = this.pointers.get(event.pointerId);
      if (!before) return this.show(this.nearest(...at));
      if (Math.hypot(at[0] - this.from[0], at[1] - this.from[1]) > 4) this.moved = true;
      if (this.pointers.size === 2) {
        const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const apart = (place) => Math.max(1, Math.hypot(place[0] - other[0], place[1] - other[1]));
        this.zoomBy(apart(at) / apart(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
        this.drawing = null;
      } else if (this.drawing) {
        this.drawing.push(this.place(...at));
        this.draw();
      } else if (this.moved) {
        this.view.x -= (at[0] - before[0]) / (this.unit * this.width);
        this.view.y += (at[1] - before[1]) / (this.unit * this.height);
        this.show(-1);
        this.draw();
      }
      this.pointers.set(event.pointerId, at);
    });
    const up = (event) => {
      if (!this.pointers.delete(event.pointerId)) return;
      const at = where(event);
      if (this.drawing) {
        const corners = simplified(this.drawing, 60);
        this.drawing = null;
        if (this.moved && corners.length > 2) this.setArea(corners);
        else this.draw();
      } else if (!this.moved && event.type === "pointerup") {
        const i = this.nearest(...at, event.pointerType === "touch" ? 24 : REACH);
        this.at = -1;
        this.show(i);
        this.hear(i);
        this.draw();
      }
    };
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
    this.canvas.addEventListener("pointerleave", () => this.show(-1));
    this.canvas.addEventListener("blur", () => { this.at = -1; this.show(-1); this.draw(); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (typing(event) || event.altKey || event.ctrlKey || event.metaKey || !this.points?.n) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const keys = {
      " ": () => this.hear(this.at), Enter: () => this.hear(this.at), Escape: () => { if (this.area.length) this.setArea([]); },
      "+": () => this.zoomBy(1.6), "=": () => this.zoomBy(1.6), "-": () => this.zoomBy(1 / 1.6), 0: () => this.reset(),
    };
    if (event.key in steps) this.step(...steps[event.key]);
    else if (event.key in keys) keys[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // To the nearest point that lies rather in this direction than across it.
  step(dx, dy) {
    if (this.at < 0) this.at = this.nearest(this.width / 2, this.height / 2, Infinity);
    else {
      const left = this.left(this.points.x[this.at]), top = this.top(this.points.y[this.at]);
      let best = -1, least = Infinity;
      for (let i = 0; i < this.points.n; i += 1) {
        const px = this.left(this.points.x[i]) - left, py = this.top(this.points.y[i]) - top;
        const along = px * dx + py * dy, across = Math.abs(px * dy) + Math.abs(py * dx);
        if (i !== this.at && along > 0.5 && across <= along && along + across < least) { least = along + across; best = i; }
      }
      if (best >= 0) this.at = best;
    }
    this.show(this.at);
    this.said.textContent = this.describe(this.at).join(", ");
    this.draw();
  }
}

// As few corners as the address of the page wants, spread evenly along what was drawn.
function simplified(corners, most) {
  const step = Math.max(1, corners.length / most), few = [];
  for (let i = 0; i < corners.length; i += step) few.push(corners[Math.floor(i)]);
  return few.map(([x, y]) => [Math.round(x * 1000) / 1000, Math.round(y * 1000) / 1000]);
}
