// The search bar: what is asked for, as a text and chips that can be taken away again.

import { el, icon } from "./dom.js";

const mounted = new WeakMap();

export default function mount(component) {
  let bar = mounted.get(component.parentElement);
  if (!bar) {
    bar = new Bar(component);
    mounted.set(component.parentElement, bar);
  }
  bar.update(component);
  return () => {
    bar.close();
    mounted.delete(component.parentElement);
  };
}

class Bar {
  constructor(component) {
    this.input = el("input", {
      type: "search", class: "text", placeholder: "Describe a sound", autocomplete: "off", spellcheck: "false",
      "aria-label": "Describe a sound", maxlength: "2000", enterkeyhint: "search", list: "history",
    });
    this.history = el("datalist", { id: "history" });
    this.go = el("button", { type: "submit", class: "go", "aria-label": "Search" }, icon("search"));
    this.plus = el("button", { type: "button", class: "sign", title: "And this: adds what is typed", "aria-label": "and: adds what is typed", onclick: () => this.add("added") }, "and");
    this.minus = el("button", { type: "button", class: "sign", title: "But not this: takes away what is typed", "aria-label": "not: takes away what is typed", onclick: () => this.add("subtracted") }, "not");
    this.form = el("form", { class: "box", role: "search", onsubmit: (event) => this.submit(event) }, this.input, this.history, this.plus, this.minus, this.go);
    this.chips = el("ul", { class: "chips", "aria-label": "What is asked for" });
    this.ideas = el("div", { class: "ideas" });
    this.root = el("div", { class: "root" }, this.form, this.chips, this.ideas);
    component.parentElement.append(this.root);
    this.onkey = (event) => {
      const target = event.composedPath()[0];
      if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(target?.tagName)) {
        event.preventDefault();
        this.input.focus();
        this.input.select();
      }
    };
    document.addEventListener("keydown", this.onkey);
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "ArrowDown" && !this.input.value)) this.input.blur();
    });
  }

  close() {
    document.removeEventListener("keydown", this.onkey);
    this.root.remove();
  }

  update({ data, setTriggerValue }) {
    this.say = (event) => setTriggerValue("event", { ...event, n: Date.now() });
    if (this.text !== data.text) {
      this.text = data.text;
      this.input.value = data.text;
    }
    this.input.placeholder = data.placeholder;
    this.history.replaceChildren(...data.history.map((text) => el("option", { value: text })));
    this.chips.replaceChildren(...data.chips.map((chip) => this.chip(chip)));
    this.chips.hidden = !data.chips.length;
    this.ideas.hidden = !data.ideas.length;
    this.ideas.replaceChildren(...(data.ideas.length ? [el("span", { class: "lead", text: data.lead })] : []),
      ...data.ideas.map((text) => el("button", { type: "button", class: "idea", text, onclick: () => this.say({ kind: "text", text }) })));
  }

  chip(chip) {
    const sign = chip.against ? "not" : "and";
    return el("li", { class: `chip ${chip.against ? "against" : "for"}` },
      el("button", {
        type: "button", class: "turn", disabled: !chip.turns, title: chip.turns ? "Turn round" : "", text: sign,
        "aria-label": `${sign} ${chip.text}: turn round`, onclick: () => this.say({ kind: "turn", field: chip.field, value: chip.value }),
      }),
      el("bdi", { text: chip.text, title: chip.title ?? chip.text }),
      el("button", { type: "button", class: "off", "aria-label": `Take away ${chip.text}`, onclick: () => this.say({ kind: "off", field: chip.field, value: chip.value }) }, icon("close")));
  }

  submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    const signed = /^([+\-−])\s*(.+)$/.exec(text);
    if (signed) return this.add(signed[1] === "+" ? "added" : "subtracted", signed[2]);
    this.text = null;
    this.input.blur();
    this.say({ kind: "text", text });
  }

  add(field, text = this.input.value.trim()) {
    if (!text || (text === this.text && field === "added")) return this.input.focus();
    this.text = null;
    this.say({ kind: "add", field, text });
  }
}
