// The player: one audio element for the whole list, so that one sound plays at a time.

import { el, icon, clock } from "./dom.js";

export class Player {
  constructor(onchange) {
    this.onchange = onchange;
    this.hit = null;
    this.loop = false;
    this.audio = el("audio", { preload: "auto" });
    window.soundgrepAudio = this.audio; // for whoever scripts the page
    this.toggle = el("button", { class: "main", "aria-label": "Play", onclick: () => this.flip() }, icon("play"));
    this.title = el("span", { class: "title" });
    this.time = el("span", { class: "time" });
    this.note = el("span", { class: "note", role: "status" });
    this.bar = el("input", {
      type: "range", min: "0", max: "1", step: "any", value: "0", class: "seek", "aria-label": "Position in the clip",
      oninput: () => { if (this.length) this.seek(Number(this.bar.value) * this.length); },
    });
    this.again = el("button", {
      class: "loop", "aria-label": "Loop the stretch that was found", "aria-pressed": "false", title: "Loop (l)",
      onclick: () => this.setLoop(!this.loop),
    }, icon("loop"));
    this.node = el("div", { class: "player", role: "region", "aria-label": "Player", hidden: true },
      this.toggle, this.title, this.bar, this.time, this.again, this.note, this.audio);
    this.audio.addEventListener("error", () => this.failed());
    for (const name of ["play", "pause", "ended", "loadedmetadata", "seeked"]) {
      this.audio.addEventListener(name, () => this.drawn());
    }
    this.audio.addEventListener("ended", () => { if (this.loop && this.hit) this.play(this.hit, this.hit.start_s); });
    this.audio.addEventListener("timeupdate", () => this.moved());
    this.tick = () => { this.moved(); if (this.playing) requestAnimationFrame(this.tick); };
    this.audio.addEventListener("playing", () => requestAnimationFrame(this.tick));
    // A page may have more than one list: what is played in one falls silent when another is heard.
    this.others = (event) => { if (event.detail !== this) this.audio.pause(); };
    document.addEventListener("soundgrep-play", this.others);
    this.audio.addEventListener("play", () => {
      window.soundgrepAudio = this.audio;
      document.dispatchEvent(new CustomEvent("soundgrep-play", { detail: this }));
    });
  }

  get playing() { return !this.audio.paused && !this.audio.ended; }
  get length() { return this.hit ? this.hit.duration_s : 0; }
  get position() { return this.audio.currentTime + this.shift; }

  play(hit, from) {
    const start = from ?? hit.start_s;
    if (!this.hit || this.hit.key !== hit.key || this.broken) {
      this.hit = hit;
      this.broken = this.excerpt = false;
      this.shift = 0;
      this.note.textContent = "";
      this.audio.src = `${hit.media}/audio`;
    } else if (this.excerpt && (start < this.shift || start > this.shift + this.audio.duration)) {
      return this.playExcerpt(start);
    }
    this.node.hidden = false;
    this.title.textContent = hit.name;
    this.seek(start);
    this.audio.play().catch(() => {});
    this.drawn();
  }

  seek(to) {
    if (this.audio.readyState > 0) this.audio.currentTime = Math.max(0, to - this.shift);
    else {
      this.pending = to;
      this.audio.addEventListener("loadedmetadata", () => {
        if (this.pending !== null) this.audio.currentTime = Math.max(0, this.pending - this.shift);
        this.pending = null;
      }, { once: true });
    }
  }

  // A container that this browser does not play: a stretch of it as wav, made by the server.
  playExcerpt(from) {
    this.excerpt = true;
    this.shift = from;
    const end = Math.min(this.length, Math.max(from + 30, this.hit.end_s));
    this.audio.src = `${this.hit.media}/preview?start_s=${from}&end_s=${Math.max(end, from + 0.05)}`;
    this.audio.play().catch(() => {});
  }

  async failed() {
    const hit = this.hit;
    if (!hit || !this.audio.getAttribute("src")) return;
    if (!this.excerpt) return this.playExcerpt(hit.start_s);
    this.broken = true;
    let reason = "this clip cannot be played";
    try {
      const answer = await fetch(this.audio.src);
      if (!answer.ok) reason = (await answer.json()).error;
    } catch { reason = "soundgrep does not answer any more"; }
    if (this.hit === hit) {
      this.note.textContent = reason;
      this.drawn();
    }
  }

  flip() {
    if (!this.hit) return;
    if (this.playing) this.audio.pause();
    else if (this.broken || this.audio.ended) this.play(this.hit, this.hit.start_s);
    else this.audio.play().catch(() => {});
  }

  setLoop(loop) {
    this.loop = loop;
    this.again.setAttribute("aria-pressed", String(loop));
  }

  moved() {
    if (this.loop && this.hit && this.position >= this.hit.end_s) this.seek(this.hit.start_s);
    const at = this.position;
    this.time.textContent = `${clock(at)} / ${clock(this.length)}`;
    if (this.length) this.bar.value = String(at / this.length);
    this.onchange(this);
  }

  drawn() {
    this.toggle.replaceChildren(icon(this.playing ? "pause" : "play"));
    this.toggle.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.node.classList.toggle("broken", Boolean(this.broken));
    this.moved();
  }

  stop() {
    document.removeEventListener("soundgrep-play", this.others);
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.hit = null;
  }
}
