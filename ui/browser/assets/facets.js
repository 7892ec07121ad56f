// The filter panel: facets with how many clips each choice leaves, and a condition in SQL.

import { el, icon } from "./dom.js";

const mounted = new WeakMap();

export default function mount(component) {
  let panel = mounted.get(component.parentElement);
  if (!panel) {
    panel = new Panel(component);
    mounted.set(component.parentElement, panel);
  }
  panel.update(component);
  return () => {
    panel.root.remove();
    mounted.delete(component.parentElement);
  };
}

class Panel {
  constructor(component) {
    this.groups = new Map();
    this.count = el("span", { class: "count", role: "status" });
    this.clear = el("button", { type: "button", class: "clear", text: "clear", "aria-label": "Take all filters away", onclick: () => this.say({ kind: "clear" }) });
    this.list = el("div", { class: "groups" });
    this.where = el("textarea", {
      id: "where", rows: "2", spellcheck: "false", autocapitalize: "off", autocomplete: "off", maxlength: "2000",
      placeholder: "duration_s < 30 AND title IS NOT NULL", "aria-describedby": "problem",
    });
    this.problem = el("p", { id: "problem", class: "problem", role: "alert" });
    this.apply = el("button", { type: "submit", class: "apply", text: "Apply" });
    this.sql = el("form", { class: "sql", onsubmit: (event) => { event.preventDefault(); this.ask(); } },
      el("label", { for: "where", class: "title", text: "SQL condition" }), this.where, this.problem, this.apply);
    this.root = el("div", { class: "root" }, el("div", { class: "head" }, this.count, this.clear), this.list, this.sql);
    component.parentElement.append(this.root);
    this.where.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.ask(); }
    });
    this.where.addEventListener("input", () => this.changed());
  }

  update({ data, setTriggerValue }) {
    this.say = (event) => setTriggerValue("event", { ...event, n: Date.now() });
    this.count.textContent = data.count;
    this.clear.hidden = !data.narrowed;
    if (this.text !== data.where) {
      this.text = data.where;
      this.where.value = data.where;
    }
    this.problem.textContent = data.problem;
    this.where.setAttribute("aria-invalid", data.problem ? "true" : "false");
    this.changed();
    const names = new Set(data.facets.map((facet) => facet.name));
    for (const [name, group] of this.groups) if (!names.has(name)) { group.node.remove(); this.groups.delete(name); }
    data.facets.forEach((facet, place) => {
      if (!this.groups.has(facet.name)) this.groups.set(facet.name, new Group(facet, place, (event) => this.say(event)));
      const group = this.groups.get(facet.name);
      group.update(facet);
      if (this.list.children[place] !== group.node) this.list.insertBefore(group.node, this.list.children[place] ?? null);
    });
  }

  changed() {
    this.apply.hidden = this.where.value.trim() === (this.text ?? "");
  }

  ask() {
    this.text = this.where.value.trim();
    this.say({ kind: "where", text: this.text });
  }
}

class Group {
  constructor(facet, place, say) {
    this.rows = new Map();
    this.name = facet.name;
    this.say = say;
    this.summary = el("summary", {}, el("span", { class: "title", text: facet.title }), el("span", { class: "chosen" }));
    this.ul = el("ul");
    this.note = el("p", { class: "note" });
    this.node = el("details", { class: "group", "data-facet": facet.name }, this.summary);
    this.node.open = place < 3 || facet.choices.some((choice) => choice.chosen);
    if (facet.least !== undefined) this.node.append(this.slider());
    this.node.append(this.ul, this.note);
  }

  slider() {
    const name = "least";
    this.value = el("output", { for: name });
    this.range = el("input", { id: name, type: "range", min: "0", max: "1", step: "0.05" });
    this.range.addEventListener("input", () => { this.value.textContent = Number(this.range.value).toFixed(2); });
    this.range.addEventListener("change", () => this.say({ kind: "least", value: Number(this.range.value) }));
    return el("div", { class: "least" }, el("label", { for: name, text: "least score" }), this.range, this.value);
  }

  update(facet) {
    const n = facet.choices.filter((choice) => choice.chosen).length;
    this.summary.querySelector(".chosen").textContent = n ? `${n} chosen` : "";
    if (this.range && document.activeElement !== this.range) {
      this.range.value = facet.least;
      this.value.textContent = facet.least.toFixed(2);
    }
    this.note.textContent = facet.more ? `and ${facet.more.toLocaleString("en")} more` : "";
    this.note.hidden = !facet.more;
    const most = Math.max(1, ...facet.choices.filter((choice) => !choice.depth).map((choice) => choice.n));
    const rows = facet.choices.map((choice) => {
      if (!this.rows.has(choice.key)) this.rows.set(choice.key, this.row(choice));
      const row = this.rows.get(choice.key);
      row.box.checked = choice.chosen;
      row.node.classList.toggle("none", !choice.n);
      row.n.textContent = choice.n.toLocaleString("en");
      row.hits.textContent = choice.hits ? choice.hits.toLocaleString("en") : "";
      row.hits.title = choice.hits ? `${choice.hits} of the hits shown` : "";
      row.bar.style.width = `${Math.max(choice.n ? 1.5 : 0, (100 * choice.n) / most)}%`;
      row.node.style.setProperty("--depth", choice.depth);
      return row.node;
    });
    if (rows.length !== this.ul.children.length || rows.some((row, i) => this.ul.children[i] !== row)) this.ul.replaceChildren(...rows);
  }

  row(choice) {
    const box = el("input", { type: "checkbox", onchange: () => this.say({ kind: "toggle", name: this.name, key: choice.key }) });
    const hits = el("span", { class: "hits" }), n = el("span", { class: "n" }), bar = el("span", { class: "bar" });
    const node = el("li", {}, el("label", { title: choice.text }, box, el("bdi", { class: "text", text: choice.text || "(empty)" }), hits, n, bar));
    return { node, box, hits, n, bar };
  }
}
