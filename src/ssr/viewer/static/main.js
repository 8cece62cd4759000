// How do the page's parts work together?

import { coloured, drawLegend, tableOf } from "./colours.js";
import { Gallery } from "./gallery.js";
import { readLink, writeLink } from "./link.js";
import { PixelMap } from "./map.js";
import { openSource } from "./source.js";
import { bestDate, datesOf, shownBy, slotsOf } from "./slots.js";
import { degrees, element, showValues, table } from "./values.js";

const PAN_PX = 90;
const $ = (id) => document.getElementById(id);
const source = openSource();
const state = { number: 0, left: null, right: null, date: 0, share: 0.5, isSwiping: true, overlay: null, opacity: 0.6, mark: null };
let place = null;
let slots = [];
let gallery = null;
let entries = [];
let saying = null;
let linkTimer = null;

const map = new PixelMap($("map"), source, { moved, picked, hovered, failed: say });

function say(text) {
  $("status").textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => ($("status").textContent = ""), 5000);
}

async function start() {
  entries = await source.list();
  $("open-gallery").hidden = entries.length < 2;
  $("open-gallery").textContent = `Gallery (${entries.length})`;
  gallery = new Gallery($("gallery"), source, entries, (number) => {
    showGallery(false);
    openPlace(number, {});
  });
  const link = readLink(location.hash);
  await openPlace(Math.min(entries.length - 1, link.n ?? 0), link);
  if (entries.length > 1 && !location.hash.includes("x=")) showGallery(true);
}

async function openPlace(number, link) {
  place = await source.place(number);
  state.number = number;
  slots = slotsOf(place);
  const keys = slots.map((slot) => slot.key);
  const pick = (wanted, ...else_) => [wanted, ...else_, keys[0]].find((key) => keys.includes(key));
  state.right = pick(link.b, place.layers.find((layer) => layer.kind === "super_res")?.id);
  state.left = pick(link.a, "date", keys.find((key) => key !== state.right));
  state.date = Math.min(Math.max(0, link.d ?? bestDate(place)), Math.max(0, datesOf(place).length - 1));
  state.share = Math.min(1, Math.max(0, link.s ?? 0.5));
  state.isSwiping = link.w ?? keys.length > 1;
  state.overlay = place.overlays.some((one) => one.id === link.o) ? link.o : null;
  state.opacity = Math.min(1, Math.max(0, link.t ?? 0.6));
  state.mark = null;
  for (const one of place.overlays) {
    const colours = tableOf(one);
    Object.assign(one, { look: "stored", prepare: (picture) => coloured(picture, colours) });
  }
  document.title = `${place.title} · ssr view`;
  $("title").textContent = place.title;
  fillPanel();
  map.setPlace(number, place);
  if (link.x !== undefined && link.y !== undefined && link.z > 0) map.move(link.x, link.y, link.z);
  else map.fit();
  update();
  $("values").replaceChildren(element("p", "Click the map for values.", { className: "dim" }));
  if (link.row !== undefined) await picked(link.row, link.column);
}

function fillPanel() {
  for (const side of ["left", "right"]) {
    $(side).replaceChildren(...slots.map((slot, k) => element("option", `${k < 9 ? `${k + 1}  ` : ""}${slot.label}`, { value: slot.key })));
  }
  const dates = datesOf(place);
  $("dates").hidden = dates.length < 2;
  $("date").max = Math.max(0, dates.length - 1);
  $("overlays").hidden = !place.overlays.length;
  $("overlay").replaceChildren(element("option", "none", { value: "" }), ...place.overlays.map((one) => element("option", one.title, { value: one.id })));
  $("scores").hidden = !Object.keys(place.scores).length;
  const measures = [...new Set(Object.values(place.scores).flatMap(Object.keys))];
  const rows = measures.map((key) => [key, ...Object.values(place.scores).map((one) => (one[key] == null ? "–" : String(Number(one[key].toPrecision(4)))))]);
  $("scores-table").replaceChildren(table(rows, ["measure", ...Object.keys(place.scores)]));
  const notes = [place.crs ? `Grid: ${place.crs}` : "No coordinate system: rows and columns only.", ...place.layers.map((layer) => `${layer.name}: ${layer.told}`), ...place.notes, place.software ?? ""];
  $("about-text").replaceChildren(...notes.filter(Boolean).map((text) => element("p", text, { className: "dim" })));
}

function update() {
  const [left, right] = [shownBy(place, state.left, state.date), shownBy(place, state.right, state.date)];
  const over = place.overlays.find((one) => one.id === state.overlay) ?? null;
  Object.assign(map.shown, { left: state.isSwiping ? left : null, right, share: state.share, overlay: over, opacity: state.opacity, mark: state.mark });
  $("left").value = state.left;
  $("right").value = state.right;
  $("swiping").checked = state.isSwiping;
  $("swipe").hidden = $("name-left").hidden = !state.isSwiping;
  $("swipe").style.left = `${state.share * 100}%`;
  $("swipe").setAttribute("aria-valuenow", Math.round(state.share * 100));
  $("swipe").setAttribute("aria-valuetext", `${Math.round(state.share * 100)} % of the width shows the left layer`);
  $("name-left").textContent = left?.title ?? "";
  $("name-right").textContent = right?.title ?? "";
  const dates = datesOf(place);
  $("date").value = state.date;
  $("date-name").textContent = dates[state.date]?.day ?? dates[state.date]?.name ?? "";
  $("date").setAttribute("aria-valuetext", $("date-name").textContent);
  $("date-why").textContent = place.dates.find((one) => one.number === dates[state.date]?.number)?.why?.split(";")[0] ?? "";
  $("overlay").value = state.overlay ?? "";
  $("opacity").value = Math.round(state.opacity * 100);
  $("opacity").disabled = !over;
  if (over) drawLegend($("legend"), over);
  else $("legend").replaceChildren();
  map.redraw();
  keepLink();
}

function moved() {
  const metres = place.metres;
  const longest = 110 / map.zoom;
  const power = 10 ** Math.floor(Math.log10(longest * (metres ?? 1)));
  const length = [5, 2, 1].map((k) => k * power).find((one) => one <= longest * (metres ?? 1));
  const box = $("scale").firstElementChild;
  box.style.width = `${(length / (metres ?? 1)) * map.zoom}px`;
  $("scale").firstChild.nodeType === 3 ? ($("scale").firstChild.data = scaleText(length, metres)) : $("scale").prepend(scaleText(length, metres));
  keepLink();
}

function scaleText(length, metres) {
  if (metres === null) return `${length} px`;
  return length >= 1000 ? `${length / 1000} km` : `${Number(length.toPrecision(3))} m`;
}

function hovered(x, y) {
  const at = `${Math.floor(y)}, ${Math.floor(x)}`;
  $("cursor").textContent = map.net ? `${degrees(map.net.lonLat(x, y))} · ${at}` : at;
}

async function picked(row, column) {
  const [left, top, right, bottom] = place.extent;
  if (row < top || column < left || row >= bottom || column >= right) return;
  state.mark = { row, column };
  update();
  const here = place;
  try {
    const found = (await source.values(state.number, row, column)) ?? (await valuesOfTiles(row, column));
    if (here !== place || state.mark?.row !== row || state.mark?.column !== column) return;
    showValues($("values"), place, found, map.net?.lonLat(column + 0.5, row + 0.5));
  } catch (error) {
    say(error.message);
  }
}

async function valuesOfTiles(row, column) {
  const found = { row, column, layers: {}, overlays: {}, dates_used: null, are_colours: true };
  for (const layer of place.layers) found.layers[layer.id] = await map.pixel({ ...layer, look: "stored" }, row, column);
  for (const one of place.overlays) found.overlays[one.id] = await map.pixel(one, row, column);
  return found;
}

function keepLink() {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(() => {
    if (!place) return;
    try {
      history.replaceState(null, "", writeLink(state, map));
    } catch {
      linkTimer = null; // a page inside another one may have no address of its own
    }
  }, 120);
}

async function copyLink() {
  const link = location.href.split("#")[0] + writeLink(state, map);
  try {
    await navigator.clipboard.writeText(link);
    say("The link is copied; it restores this view.");
  } catch {
    say("The address above restores this view; copying was not allowed.");
  }
}

function savePng() {
  const canvas = Object.assign(document.createElement("canvas"), { width: map.canvas.width, height: map.canvas.height });
  const pen = canvas.getContext("2d");
  map.draw(pen);
  map.pictures.fetchWanted();
  pen.font = `${13 * map.ratio}px system-ui, sans-serif`;
  const names = state.isSwiping ? [$("name-left").textContent, $("name-right").textContent] : ["", $("name-right").textContent];
  const tag = (text, x, y, align) => {
    if (!text) return;
    const wide = pen.measureText(text).width;
    const at = align === "right" ? x - wide : x;
    pen.fillStyle = "rgb(0 0 0 / .62)";
    pen.fillRect(at - 6 * map.ratio, y - 15 * map.ratio, wide + 12 * map.ratio, 21 * map.ratio);
    pen.fillStyle = "#fff";
    pen.fillText(text, at, y);
  };
  tag(names[0], 12 * map.ratio, 24 * map.ratio, "left");
  tag(names[1], canvas.width - 12 * map.ratio, 24 * map.ratio, "right");
  tag(`${$("scale").textContent.trim()} ⟷ ${Math.round(parseFloat($("scale").firstElementChild.style.width))} px`, 12 * map.ratio, canvas.height - 14 * map.ratio, "left");
  if (state.isSwiping) {
    pen.fillStyle = "#fff";
    pen.fillRect(Math.round(canvas.width * state.share) - map.ratio, 0, 2 * map.ratio, canvas.height);
  }
  canvas.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    element("a", undefined, { href: address, download: `${place.title.replace(/[^\w.-]+/g, "_")}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say("Saved as PNG.");
  });
}

function showGallery(isShown) {
  $("gallery").hidden = !isShown;
  if (isShown) {
    gallery.list();
    $("find").focus();
  } else $("map").focus();
}

function set(changes) {
  Object.assign(state, changes);
  update();
}

function setDate(date) {
  set({ date: Math.min(datesOf(place).length - 1, Math.max(0, date)) });
}

function setShare(share) {
  set({ share: Math.min(1, Math.max(0, share)) });
}

function toggleOverlay() {
  set({ overlay: state.overlay ? null : (place.overlays[0]?.id ?? null) });
}

const KEYS = {
  ArrowLeft: () => map.pan(-PAN_PX, 0),
  ArrowRight: () => map.pan(PAN_PX, 0),
  ArrowUp: () => map.pan(0, -PAN_PX),
  ArrowDown: () => map.pan(0, PAN_PX),
  "+": () => map.step(1),
  "=": () => map.step(1),
  "-": () => map.step(-1),
  0: () => map.fit(),
  Enter: () => picked(Math.floor(map.y), Math.floor(map.x)),
  s: () => set({ isSwiping: !state.isSwiping }),
  x: () => set({ left: state.right, right: state.left }),
  ",": () => setDate(state.date - 1),
  ".": () => setDate(state.date + 1),
  t: toggleOverlay,
  "[": () => set({ opacity: Math.max(0, state.opacity - 0.1) }),
  "]": () => set({ opacity: Math.min(1, state.opacity + 0.1) }),
  l: copyLink,
  p: savePng,
  g: () => entries.length > 1 && showGallery($("gallery").hidden),
  "?": () => $("help").showModal(),
  Escape: () => showGallery(false),
};

addEventListener("keydown", (event) => {
  const on = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open || !place) return;
  if (!$("gallery").hidden && event.key !== "Escape") return;
  if (on.matches("select, input[type=search]") || (on.matches("button, summary, input") && ["Enter", " "].includes(event.key))) return;
  if (event.key.startsWith("Arrow") && on.matches("input, #swipe")) return;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (digit && slots[digit - 1]) set(event.shiftKey ? { left: slots[digit - 1].key } : { right: slots[digit - 1].key });
  else if (KEYS[event.key] && !digit) KEYS[event.key]();
  else return;
  event.preventDefault();
});

const swipe = $("swipe");
swipe.addEventListener("pointerdown", (event) => swipe.setPointerCapture(event.pointerId));
swipe.addEventListener("pointermove", (event) => {
  if (!swipe.hasPointerCapture(event.pointerId)) return;
  const box = $("stage").getBoundingClientRect();
  setShare((event.clientX - box.left) / box.width);
});
swipe.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
  if (by === undefined) return;
  setShare(state.share + by);
  event.preventDefault();
});
for (const side of ["left", "right"]) $(side).oninput = (event) => set({ [side]: event.target.value });
$("swap").onclick = KEYS.x;
$("swiping").oninput = (event) => set({ isSwiping: event.target.checked });
$("date").oninput = (event) => setDate(Number(event.target.value));
$("overlay").oninput = (event) => set({ overlay: event.target.value || null });
$("opacity").oninput = (event) => set({ opacity: Number(event.target.value) / 100 });
$("link").onclick = copyLink;
$("png").onclick = savePng;
$("open-help").onclick = KEYS["?"];
$("open-gallery").onclick = () => showGallery(true);
$("close-gallery").onclick = () => showGallery(false);
$("open-panel").onclick = () => {
  $("panel").hidden = !$("panel").hidden;
  $("open-panel").setAttribute("aria-expanded", String(!$("panel").hidden));
};
$("zoom").onclick = (event) => ({ in: () => map.step(1), out: () => map.step(-1), fit: () => map.fit() })[event.target.dataset.act]?.();
addEventListener("hashchange", () => {
  const link = readLink(location.hash);
  openPlace(Math.min(entries.length - 1, link.n ?? 0), link).catch((error) => say(error.message));
});

start().catch((error) => say(error.message));
