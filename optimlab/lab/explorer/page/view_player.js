import { button, element } from "./controls.js";

const PLAYER_SECONDS = 8; // of a whole path
const PLAYER_JUMPS = 10; // of a whole path, where motion is not wanted

/** Play, step and scrub over steps. steps() is the last step; moved() at each frame; rested() when it stands. */
export function playerPanel(steps, moved, rested) {
  let at = Infinity;
  let playing = 0;
  const where = () => Math.min(at, steps());
  const play = button("Play", () => (playing ? pause() : go()), { class: "main-button" });
  const one = button("Step", () => stand(where() >= steps() ? 0 : where() + 1), { "aria-label": "One step" });
  const range = element("input", {
    type: "range",
    min: 0,
    max: 1000,
    "aria-label": "Step shown",
    input: () => stand(Math.round((range.value / 1000) * steps())),
  });
  const label = element("output", { class: "step" });
  const show = () => {
    const part = where() / steps();
    range.value = String(Math.round(part * 1000));
    range.style.setProperty("--part", `${part * 100}%`);
    range.setAttribute("aria-valuetext", `step ${where()}`);
    label.textContent = `${where()} / ${steps()}`;
    play.textContent = playing ? "Pause" : "Play";
  };
  const stand = (step) => {
    pause();
    at = step >= steps() ? Infinity : step;
    show();
    moved();
    rested();
  };
  const pause = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    show();
  };
  const go = () => {
    const from = where() >= steps() ? 0 : where();
    const begin = performance.now();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const grain = still ? Math.ceil(steps() / PLAYER_JUMPS) : 1;
    const tick = (now) => {
      const passed = (Math.max(0, now - begin) / 1000 / PLAYER_SECONDS) * steps();
      at = from + grain * Math.floor(passed / grain);
      if (at >= steps()) return stand(Infinity);
      playing = requestAnimationFrame(tick);
      show();
      return moved();
    };
    playing = requestAnimationFrame(tick);
  };
  const key = (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    play.click();
  };
  show();
  return { root: element("div", { class: "player" }, play, one, range, label), at: where, show, pause, key };
}
