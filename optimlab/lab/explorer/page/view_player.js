import { button, element } from "./controls.js";

const PLAYER_SECONDS = 8; // of a whole path
const PLAYER_JUMPS = 10; // of a whole path, where motion is not wanted

/** Play, step and scrub: steps() is the last step; moved() at each frame; rested() when it stands. */
export class Player {
  constructor(of) {
    this.of = of;
    this.step = Infinity; // the last one, however many there are
    this.playing = 0;
    this.play = button("Play", () => (this.playing ? this.stand(this.at()) : this.go()), { class: "main-button" });
    this.range = element("input", { type: "range", min: 0, max: 1000, "aria-label": "Step shown" });
    this.range.addEventListener("input", () => this.stand(Math.round((this.range.value / 1000) * of.steps())));
    this.label = element("output", { class: "step" });
    const on = () => this.stand(this.at() >= of.steps() ? 0 : this.at() + 1);
    const next = button("Step", on, { "aria-label": "One step" });
    this.root = element("div", { class: "player" }, this.play, next, this.range, this.label);
    this.show();
  }

  /** The step that is shown. */
  at() {
    return Math.min(this.step, this.of.steps());
  }

  show() {
    const part = this.at() / this.of.steps();
    this.range.value = String(Math.round(part * 1000));
    this.range.style.setProperty("--part", `${part * 100}%`);
    this.range.setAttribute("aria-valuetext", `step ${this.at()}`);
    this.label.textContent = `${this.at()} / ${this.of.steps()}`;
    this.play.textContent = this.playing ? "Pause" : "Play";
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.show();
  }

  stand(step) {
    this.step = step >= this.of.steps() ? Infinity : step;
    this.pause();
    this.of.moved();
    this.of.rested();
  }

  go() {
    const steps = this.of.steps();
    const from = this.at() >= steps ? 0 : this.at();
    const grain = matchMedia("(prefers-reduced-motion: reduce)").matches ? Math.ceil(steps / PLAYER_JUMPS) : 1;
    const began = performance.now();
    const tick = (now) => {
      const passed = (Math.max(0, now - began) / 1000 / PLAYER_SECONDS) * steps;
      this.step = from + grain * Math.floor(passed / grain);
      if (this.step >= this.of.steps()) return this.stand(Infinity);
      this.playing = requestAnimationFrame(tick);
      this.show();
      return this.of.moved();
    };
    this.playing = requestAnimationFrame(tick);
  }

  /** The space bar plays and pauses. */
  key(event) {
    if (event.key !== " ") return;
    event.preventDefault();
    this.play.click();
  }
}
