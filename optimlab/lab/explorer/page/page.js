import { button, copyButton, element } from "./controls.js";
import { aboutView } from "./view_about.js";
import { averagesView } from "./view_averages.js";
import { basinsView } from "./view_basins.js";
import { optimizersView } from "./view_optimizers.js";
import { seriesView } from "./view_series.js";

const PAGE_LONGEST = 100000;
const PAGE_BUSY = "input:not([type=range]), select, textarea, button:not(.handle), summary, a"; // have their own keys
let pageState = {};
let pageParts = [];

/** Everything that is set on the page, as plain JSON. */
export function currentState() {
  return pageState;
}

function pageViews() {
  return [optimizersView, basinsView, seriesView, averagesView, aboutView];
}

function pageDefaults() {
  const views = pageViews().map((view) => [view.name, view.defaults]);
  return structuredClone({ view: views[0][0], look: "auto", ...Object.fromEntries(views) });
}

/** What differs from the defaults; lists and numbers are taken whole. */
function pageDifference(state, defaults) {
  const found = {};
  for (const [key, value] of Object.entries(state)) {
    if (JSON.stringify(value) === JSON.stringify(defaults[key])) continue;
    const inner = pagePlain(value) && pagePlain(defaults[key]) && Object.keys(defaults[key]).length > 0;
    found[key] = inner ? pageDifference(value, defaults[key]) : value;
  }
  return found;
}

/** The defaults with what a link says put over them; what does not fit, or is outside its limits, goes to `faults`. */
function pageMerged(given, defaults, faults, limits = {}, path = "") {
  const result = structuredClone(defaults);
  for (const [key, value] of Object.entries(given)) {
    const known = Object.hasOwn(defaults, key);
    if (!known || !pageFits(value, defaults[key], limits[key])) faults.push(path + key);
    else if (pagePlain(defaults[key]) && Object.keys(defaults[key]).length > 0) {
      result[key] = pageMerged(value, defaults[key], faults, limits[key], `${path}${key}.`);
    } else result[key] = value;
  }
  return result;
}

function pagePlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is of the kind of the default, and a number within [least, most]. */
function pageFits(value, model, limit) {
  const kinds = (one) => [typeof one, one === null, Array.isArray(one), Number.isFinite(one)].join();
  const inside = !Array.isArray(limit) || (value >= limit[0] && value <= limit[1]);
  return inside && kinds(value) === kinds(model) && (limit?.[2] !== "whole" || Number.isInteger(value));
}

/** The state that a link's fragment says: {state, message}; nothing in a link can do more than set it. */
export function stateOf(fragment, defaults) {
  if (fragment.length <= 1) return { state: structuredClone(defaults), message: "" };
  try {
    if (fragment.length > PAGE_LONGEST) throw new RangeError("too long");
    const given = JSON.parse(decodeURIComponent(fragment.slice(1)));
    if (!pagePlain(given)) throw new TypeError("no object");
    const faults = [];
    const limits = Object.fromEntries(pageViews().map((view) => [view.name, view.limits]));
    const state = pageMerged(given, defaults, faults, limits);
    const named = faults
      .slice(0, 5)
      .map((name) => name.slice(0, 60))
      .join(", ");
    return {
      state,
      message: faults.length ? `This link sets what is not known here, so it was left out: ${named}.` : "",
    };
  } catch {
    return {
      state: structuredClone(defaults),
      message: "The part of this link after # cannot be read; the page starts from its defaults.",
    };
  }
}

function pageFragment() {
  const rest = pageDifference(pageState, pageDefaults());
  return Object.keys(rest).length ? `#${encodeURIComponent(JSON.stringify(rest))}` : "#";
}

function pageAddress() {
  return document.location.href.split("#")[0] + pageFragment();
}

let pageWriting = 0;

function pageChanged() {
  clearTimeout(pageWriting);
  pageWriting = setTimeout(() => history.replaceState(null, "", pageFragment()), 300);
}

function pageLook() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.look = pageState.look === "auto" ? (dark ? "dark" : "light") : pageState.look;
  pageShown()?.view.draw();
}

function pageShown() {
  return pageParts.find((part) => part.built && part.view.name === pageState.view);
}

function pageSay(text) {
  document.getElementById("message").textContent = text;
}

function pageShow(name) {
  pageState.view = pageParts.some((part) => part.view.name === name) ? name : pageParts[0].view.name;
  for (const part of pageParts) {
    const chosen = part.view.name === pageState.view;
    part.section.hidden = !chosen;
    part.tab.setAttribute("aria-selected", String(chosen));
    part.tab.tabIndex = chosen ? 0 : -1;
    if (chosen) part.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!chosen) part.view.pause?.();
    else if (!part.built) {
      part.view.build(part.section, pageState[part.view.name], pageChanged);
      part.built = true;
    }
  }
  pageShown().view.draw();
  pageChanged();
}

function pagePart(view) {
  const id = `view-${view.name}`;
  const section = element("section", { id, role: "tabpanel", "aria-label": view.title, hidden: true });
  const tab = button(view.title, () => pageShow(view.name), { role: "tab", "aria-controls": id });
  return { view, section, tab, built: false };
}

function pageTurn(event) {
  const at = pageParts.findIndex((part) => part.view.name === pageState.view);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = pageParts[(at + step + pageParts.length) % pageParts.length];
  pageShow(next.view.name);
  next.tab.focus();
}

function pageRestore() {
  pageParts.forEach((part) => part.view.pause?.());
  const { state, message } = stateOf(document.location.hash, pageDefaults());
  pageState = state;
  pageParts = pageViews().map(pagePart);
  const tabs = element(
    "div",
    { role: "tablist", class: "tabs", keydown: pageTurn },
    ...pageParts.map((part) => part.tab),
  );
  document.querySelector("nav").replaceChildren(tabs);
  document.getElementById("main").replaceChildren(...pageParts.map((part) => part.section));
  pageSay(message);
  pageShow(pageState.view);
  pageLook();
}

function pageTools() {
  const turn = button(
    "Light / dark",
    () => {
      pageState.look = document.documentElement.dataset.look === "dark" ? "light" : "dark";
      pageLook();
      pageChanged();
    },
    { class: "quiet" },
  );
  document.querySelector(".tools").replaceChildren(turn, copyButton("Copy link", pageAddress));
}

function pageKey(event) {
  const busy = event.target.closest?.(PAGE_BUSY);
  if (!busy && !event.ctrlKey && !event.metaKey && !event.altKey) pageShown()?.view.key?.(event);
}

/** Builds the page and listens. */
export function start() {
  pageTools();
  pageRestore();
  addEventListener("hashchange", pageRestore);
  document.addEventListener("keydown", pageKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", pageLook);
}

if (typeof document !== "undefined") start();
