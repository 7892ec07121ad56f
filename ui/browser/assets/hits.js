// Hits: a list that is walked by keyboard, heard through one player, and grows without drawing again what is there.

import { el, icon, seconds, typing } from "./dom.js";
import { Player } from "./player.js";
import { draw, picture } from "./picture.js";

const mounted = new WeakMap();

export default function mount(component) {
  let list = mounted.get(component.parentElement);
  if (!list) {
    list = new List(component);
    mounted.set(component.parentElement, list);
  }
  list.update(component);
  return () => {
    list.close();
    mounted.delete(component.parentElement);
  };
}

class List {
  constructor(component) {
    this.rows = new Map();
    this.at = null;
    this.signature = null;
    this.marks = {};
    this.audition = false;
    this.player = new Player(() => this.followed());
    this.count = el("span", { class: "count", role: "status" });
    this.tools = el("div", { class: "tools" });
    this.ol = el("ol", { class: "hits", "aria-label": "Hits" });
    this.foot = el("div", { class: "foot" });
    this.root = el("div", { class: "root" }, el("div", { class: "head" }, this.count, this.tools), this.ol, this.foot, this.player.node);
    component.parentElement.append(this.root);
    this.onkey = (event) => this.key(event);
    document.addEventListener("keydown", this.onkey);
    this.onpress = (event) => { if (this.menu && !event.composedPath().includes(this.menu)) this.menu.open = false; };
    document.addEventListener("pointerdown", this.onpress);
    this.seen = new IntersectionObserver((entries) => this.looked(entries), { rootMargin: "200px", scrollMargin: "200px" });
    this.end = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) this.more(); },
      { rootMargin: "600px", scrollMargin: "600px" });
    this.end.observe(this.foot);
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(this.ol);
    this.theme = new MutationObserver(() => this.redraw());
    this.theme.observe(component.parentElement.host ?? component.parentElement, { attributes: true });
  }

  close() {
    document.removeEventListener("keydown", this.onkey);
    document.removeEventListener("pointerdown", this.onpress);
    for (const observer of [this.seen, this.end, this.resized, this.theme]) observer.disconnect();
    this.player.stop();
    this.root.remove();
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.data = data;
    this.say = (event) => setTriggerValue("event", { ...event, n: Date.now() });
    this.tell = (marks) => setStateValue("marks", marks);
    const again = this.signature !== data.signature;
    if (again) {
      this.rows.clear();
      this.ol.replaceChildren();
      this.at = null;
      this.signature = data.signature;
      this.ol.dataset.signature = data.signature;
    }
    this.waiting = false;
    this.marks = { ...data.marks };
    this.root.classList.toggle("grid", data.view === "grid");
    const order = data.hits.map((hit) => {
      if (!this.rows.has(hit.key)) this.rows.set(hit.key, this.row(hit));
      return this.rows.get(hit.key);
    });
    const fresh = order.filter((row) => !row.node.isConnected);
    for (const [key, row] of this.rows) if (!order.includes(row)) { row.node.remove(); this.rows.delete(key); }
    if (order.some((row, i) => this.ol.children[i] !== row.node)) this.ol.append(...order.map((row) => row.node));
    for (const row of fresh) this.seen.observe(row.node);
    this.order = order;
    for (const row of order) this.marked(row);
    this.count.textContent = data.count;
    this.drawTools();
    this.foot.textContent = data.done ? data.ending : "…";
    this.end.unobserve(this.foot); // asked anew, it tells again whether the end is near
    this.end.observe(this.foot);
    if (again && order.length) {
      this.select(order[0], { quietly: true });
      if (this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
    }
  }

  drawTools() {
    const list = (field, value) => this.say({ kind: "list", field, value });
    const view = (name, label) => el("button", {
      class: "view", "aria-pressed": String(this.data.view === name), "aria-label": label, title: label,
      onclick: () => list("view", name),
    }, icon(name));
    this.audit = el("button", {
      class: "audition", "aria-pressed": String(this.audition), title: "Play each hit as you move to it (a)",
      onclick: () => this.setAudition(!this.audition),
    }, icon("play"), el("span", { text: "Audition" }));
    const choice = (label, field, value, on, disabled = false) => el("label", { class: disabled ? "off" : "" },
      el("input", { type: "checkbox", disabled, onchange: (event) => list(field, event.target.checked ? value[0] : value[1]), ...(on ? { checked: true } : {}) }), label);
    this.menu ??= el("details", { class: "menu" }, el("summary", { "aria-label": "Listing: how hits are listed", title: "How hits are listed" }, icon("tune"), el("span", { text: "Listing" })), el("div", { class: "choices" }));
    this.menu.lastChild.replaceChildren(
      choice("Near copies once", "fold", [true, false], this.data.fold),
      choice("Every segment by itself", "by", ["segment", "clip"], this.data.by === "segment"),
      choice("Words in names and tags too", "text_match", ["on", "off"], this.data.words !== "off", !this.data.has_words),
      choice("Only words, not sound", "text_match", ["only", "off"], this.data.words === "only", !this.data.has_words),
      ...(this.data.encoders.length > 1 ? [this.ears(list)] : []));
    this.tools.replaceChildren(
      el("span", { class: "keys", "aria-hidden": "true", text: "↑↓ move · space play · k keep · x reject" }),
      this.audit, this.menu, view("list", "As a list"), view("grid", "As a grid"));
  }

  ears(list) {
    const [first, ...others] = this.data.encoders;
    const names = [["", first], ...others.map((name) => [name, name]), ["both", "all, fused by rank"]];
    const select = el("select", { onchange: (event) => list("encoder", event.target.value) },
      ...names.map(([value, text]) => el("option", { value, text })));
    select.value = this.data.encoder === first ? "" : this.data.encoder;
    return el("label", { text: "Heard by " }, select);
  }

  setAudition(on) {
    this.audition = on;
    this.audit.setAttribute("aria-pressed", String(on));
  }

  row(hit) {
    hit.media = `${this.data.media}/${hit.clip}`;
    const row = { hit };
    const act = (name, label, event) => el("button", { "aria-label": `${label}: ${hit.name}`, title: label, class: `act ${name}`, onclick: event }, icon(name));
    row.play = el("button", { class: "play", "aria-label": `Play ${hit.name}`, onclick: () => { this.select(row); this.flip(row); } }, icon("play"));
    row.canvas = el("canvas", { role: "img", "aria-label": `Waveform and spectrogram of ${hit.name}` });
    row.head = el("span", { class: "needle", hidden: true });
    row.drawing = el("div", { class: "drawing", onclick: (event) => this.scrub(row, event) }, row.canvas, row.head);
    row.keep = act("keep", "Keep (k)", () => this.mark(row, true));
    row.drop = act("drop", "Reject (x)", () => this.mark(row, false));
    const bar = el("span", { class: "bar" }, el("span", { class: "fill" }));
    bar.firstChild.style.width = `${hit.bar}%`;
    const tags = el("span", { class: "tags" }, ...hit.tags.map((tag) => el("span", { class: "tag", text: tag })));
    const where = `${seconds(hit.start_s)} – ${seconds(hit.end_s)}`;
    row.node = el("li", { class: "hit", tabindex: "-1", onfocus: () => this.select(row, { quietly: true }) },
      row.play,
      el("div", { class: "what" },
        el("bdi", { class: "name", text: hit.name, title: hit.path }),
        el("span", { class: "sub" }, el("bdi", { class: "folder", text: hit.folder }), tags)),
      row.drawing,
      el("div", { class: "score", title: hit.score_title }, bar, el("span", { class: "number", text: hit.score_text }), el("span", { class: "sr", text: hit.score_title })),
      el("div", { class: "times" }, el("span", { class: "length", text: seconds(hit.duration_s) }), el("span", { class: "span", text: hit.spans.length > 1 ? `${where} +${hit.spans.length - 1}` : where })),
      el("div", { class: "acts" },
        act("more", "More like this", () => this.say({ kind: "like", id: hit.segment })),
        act("less", "Less like this", () => this.say({ kind: "unlike", id: hit.segment })),
        act("near", "Only what is similar to this", () => this.say({ kind: "similar", id: hit.segment })),
        row.keep, row.drop));
    if (hit.folded.length) {
      row.node.querySelector(".sub").append(el("span", { class: "folded", text: `+${hit.folded.length} near ${hit.folded.length > 1 ? "copies" : "copy"}`, title: hit.folded.join("\n") }));
    }
    return row;
  }

  looked(entries) {
    for (const entry of entries) {
      const row = this.order?.find((one) => one.node === entry.target);
      if (row) row.near = entry.isIntersecting;
      if (row && entry.isIntersecting && !row.asked) {
        row.asked = true;
        picture(`${row.hit.media}/picture?${this.stretch(row.hit)}`).then((pic) => {
          row.picture = pic;
          this.paint(row);
        });
      }
    }
  }

  // Of a long clip, the minute around what was found.
  stretch(hit) {
    if (hit.duration_s <= 60) return `end_s=${hit.duration_s}`;
    const from = Math.max(0, Math.min(hit.duration_s - 60, (hit.start_s + hit.end_s) / 2 - 30));
    return `start_s=${from.toFixed(2)}&end_s=${Math.min(hit.duration_s, from + 60).toFixed(2)}`;
  }

  style() {
    const get = (name) => {
      const probe = el("span");
      probe.style.color = `var(--${name})`;
      this.root.append(probe);
      const value = getComputedStyle(probe).color;
      probe.remove();
      return value;
    };
    const ground = get("ground");
    return { ground, accent: get("accent"), text: get("text"), soft: get("soft"), veil: `color-mix(in srgb, ${ground} 55%, transparent)` };
  }

  paint(row, style = this.style()) {
    if (!row.picture) return;
    if (row.picture.error !== undefined) {
      row.drawing.classList.add("none");
      row.drawing.title = row.picture.error;
      return;
    }
    draw(row.canvas, row.picture, row.hit.spans, style);
    row.drawing.classList.add("drawn");
  }

  redraw() {
    const style = this.style();
    for (const row of this.order ?? []) if (row.picture) this.paint(row, style);
  }

  select(row, { quietly = false } = {}) {
    if (this.at !== row) {
      this.at?.node.removeAttribute("aria-current");
      if (this.at) this.at.node.tabIndex = -1;
      this.at = row;
      row.node.setAttribute("aria-current", "true");
      row.node.tabIndex = 0;
    }
    if (!quietly) {
      row.node.focus({ preventScroll: true });
      row.node.scrollIntoView({ block: "nearest" });
    }
  }

  flip(row) {
    if (this.player.hit?.key === row.hit.key && this.player.playing) this.player.flip();
    else this.player.play(row.hit);
  }

  scrub(row, event) {
    this.select(row);
    if (!row.picture || row.picture.error !== undefined) return this.player.play(row.hit);
    const box = row.canvas.getBoundingClientRect(), pic = row.picture;
    this.player.play(row.hit, pic.start_s + ((event.clientX - box.left) / box.width) * (pic.end_s - pic.start_s));
  }

  mark(row, keep) {
    if (this.marks[row.hit.clip] === keep) delete this.marks[row.hit.clip];
    else this.marks[row.hit.clip] = keep;
    for (const one of this.order) this.marked(one);
    this.tell({ ...this.marks });
  }

  marked(row) {
    const mark = this.marks[row.hit.clip];
    row.node.classList.toggle("kept", mark === true);
    row.node.classList.toggle("dropped", mark === false);
    row.keep.setAttribute("aria-pressed", String(mark === true));
    row.drop.setAttribute("aria-pressed", String(mark === false));
  }

  followed() {
    for (const row of this.order ?? []) {
      const mine = this.player.hit?.key === row.hit.key, playing = mine && this.player.playing;
      if (row.playing !== playing) {
        row.playing = playing;
        row.play.replaceChildren(icon(playing ? "pause" : "play"));
        row.play.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${row.hit.name}`);
        row.node.classList.toggle("playing", playing);
      }
      const pic = row.picture;
      const at = mine && pic?.n ? (this.player.position - pic.start_s) / (pic.end_s - pic.start_s) : -1;
      row.head.hidden = !(at >= 0 && at <= 1);
      if (!row.head.hidden) row.head.style.left = `${100 * at}%`;
    }
  }

  more() {
    if (this.waiting || !this.data || this.data.done || !this.order?.length) return;
    this.waiting = true;
    this.say({ kind: "more", have: this.order.length });
  }

  key(event) {
    if (typing(event) || event.altKey || event.ctrlKey || event.metaKey || !this.order?.length) return;
    const i = Math.max(0, this.order.indexOf(this.at));
    const inside = this.root.contains(event.composedPath()[0]);
    const on_button = event.composedPath()[0] instanceof HTMLButtonElement;
    const go = (to) => {
      const row = this.order[Math.max(0, Math.min(this.order.length - 1, to))];
      this.select(row);
      if (this.audition) this.player.play(row.hit);
      if (to >= this.order.length - 5) this.more();
    };
    const keys = {
      ArrowDown: () => go(this.at ? i + 1 : 0), j: () => go(i + 1),
      ArrowUp: () => go(i - 1),
      " ": () => this.flip(this.at ?? this.order[0]),
      k: () => this.mark(this.at ?? this.order[0], true), x: () => this.mark(this.at ?? this.order[0], false),
      a: () => this.setAudition(!this.audition), l: () => this.player.setLoop(!this.player.loop),
      Home: () => go(0), End: () => go(this.order.length - 1),
    };
    if (!(event.key in keys) || (event.key === " " && on_button)) return;
    const outside_button = on_button && !inside && event.key !== " ";
    if (outside_button && !["k", "x", "a", "l"].includes(event.key) && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    keys[event.key]();
  }
}
