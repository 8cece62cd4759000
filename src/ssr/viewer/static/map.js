// How does a part of the view get onto the canvas, and how is it moved?

import { coloured } from "./colours.js";
import { BasemapPictures, Net } from "./net.js";
import { Pictures } from "./source.js";

const LARGEST_ZOOM = 64;
const CLICK_PX = 5;

export class PixelMap {
  // moved(): the part shown has changed; picked(row, column); hovered(x, y); failed(text).
  constructor(canvas, source, on) {
    Object.assign(this, { canvas, source, on, x: 0, y: 0, zoom: 1, width: 1, height: 1, ratio: 1 });
    this.pictures = new Pictures(() => this.redraw(), on.failed);
    this.basemap = new BasemapPictures(() => this.redraw());
    this.shown = { left: null, right: null, share: 0.5, overlay: null, opacity: 0.6, mark: null };
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#listen();
  }

  setPlace(number, place) {
    Object.assign(this, { number, place, isFitted: false });
    this.net = place.net ? new Net(place.net, place.extent) : null;
    this.#resize();
  }

  fit() {
    const [left, top, right, bottom] = this.place.extent;
    const zoom = Math.min(this.width / (right - left), this.height / (bottom - top));
    this.move((left + right) / 2, (top + bottom) / 2, zoom);
    this.isFitted = true;
  }

  move(x, y, zoom = this.zoom) {
    const [left, top, right, bottom] = this.place.extent;
    const smallest = Math.min(this.width / (right - left), this.height / (bottom - top)) / 4;
    this.zoom = Math.min(LARGEST_ZOOM, Math.max(smallest, zoom));
    this.isFitted = false;
    this.x = Math.min(right, Math.max(left, x));
    this.y = Math.min(bottom, Math.max(top, y));
    this.redraw();
    this.on.moved();
  }

  pan(across, down) {
    this.move(this.x + across / this.zoom, this.y + down / this.zoom);
  }

  // To the next power of two, about a place on the screen.
  step(by, at) {
    const power = Math.log2(this.zoom * this.ratio);
    const next = by > 0 ? Math.floor(power + 1 + 1e-6) : Math.ceil(power - 1 - 1e-6);
    this.zoomTo(2 ** next / this.ratio, at);
  }

  zoomTo(zoom, [px, py] = [this.width / 2, this.height / 2]) {
    const [x, y] = this.toView(px, py);
    const capped = Math.min(LARGEST_ZOOM, zoom);
    this.move(x - (px - this.width / 2) / capped, y - (py - this.height / 2) / capped, capped);
  }

  toView(px, py) {
    return [this.x + (px - this.width / 2) / this.zoom, this.y + (py - this.height / 2) / this.zoom];
  }

  toScreen(x, y) {
    return [(x - this.x) * this.zoom + this.width / 2, (y - this.y) * this.zoom + this.height / 2];
  }

  redraw() {
    if (this.frame) return;
    this.canvas.dataset.settled = "false";
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (!this.place) return;
      this.draw(this.canvas.getContext("2d"));
      this.pictures.fetchWanted();
      this.canvas.dataset.settled = String(!this.pictures.isWaiting && !this.frame);
    });
  }

  draw(pen) {
    const { left, right, overlay, opacity, mark } = this.shown;
    const [width, height] = [pen.canvas.width, pen.canvas.height];
    const line = Math.round(width * this.shown.share);
    pen.resetTransform();
    pen.clearRect(0, 0, width, height);
    if (this.net && this.place.basemap) this.net.drawBasemap(pen, this, this.place.basemap, this.basemap);
    pen.save();
    this.#clipToExtent(pen);
    if (left && right) {
      this.#within(pen, 0, line, () => this.#drawLayer(pen, left, [0, line]));
      this.#within(pen, line, width, () => this.#drawLayer(pen, right, [line, width]));
    } else {
      this.#drawLayer(pen, left ?? right, [0, width]);
    }
    if (overlay) {
      pen.globalAlpha = opacity;
      this.#drawLayer(pen, overlay, [0, width]);
      pen.globalAlpha = 1;
    }
    pen.restore();
    if (mark) this.#drawMark(pen, mark);
  }

  // A number of an overlay, or colours of a layer, from the tiles of this page.
  async pixel(layer, row, column) {
    const side = this.place.tile;
    const address = this.source.tileAddress(this.number, layer, `0/${Math.floor(column / side)}/${Math.floor(row / side)}`);
    if (!address) return null;
    const picture = this.pictures.get(address, layer.prepare) ?? (await this.#once(address, layer.prepare));
    if (!picture) return null;
    const [x, y] = [(column % side) * picture.width, (row % side) * picture.height].map((place) => Math.floor(place / side));
    if (picture.numbers) return picture.numbers[y * picture.width + x];
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.drawImage(picture, x, y, 1, 1, 0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return a ? [r, g, b] : null;
  }

  async #once(address, prepare) {
    const picture = await createImageBitmap(await (await fetch(address)).blob());
    return prepare ? prepare(picture) : picture;
  }

  #clipToExtent(pen) {
    const [left, top, right, bottom] = this.place.extent;
    const [x0, y0] = this.toScreen(left, top).map((place) => Math.round(place * this.ratio));
    const [x1, y1] = this.toScreen(right, bottom).map((place) => Math.round(place * this.ratio));
    pen.beginPath();
    pen.rect(x0, y0, x1 - x0, y1 - y0);
    pen.clip();
  }

  #within(pen, from, to, draw) {
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, to - from, pen.canvas.height);
    pen.clip();
    draw();
    pen.restore();
  }

  #drawLayer(pen, layer, [from, to]) {
    if (!layer || to <= from) return;
    const { tile, levels, extent } = this.place;
    const scale = this.zoom * this.ratio;
    const coarsest = Math.min(levels - 1, layer.coarsest ?? levels - 1);
    const level = Math.min(coarsest, Math.max(0, Math.floor(-Math.log2(scale) + 1e-6)));
    const side = tile * 2 ** level;
    const [x0, y0] = this.toView(from / this.ratio, 0);
    const [x1, y1] = this.toView(to / this.ratio, this.height);
    const first = [Math.max(x0, extent[0]), Math.max(y0, extent[1])].map((place) => Math.floor(place / side));
    const last = [Math.min(x1, extent[2]), Math.min(y1, extent[3])].map((place) => Math.ceil(place / side) - 1);
    for (let y = first[1]; y <= last[1]; y++) {
      for (let x = first[0]; x <= last[0]; x++) this.#drawTile(pen, layer, level, x, y, coarsest);
    }
  }

  // A tile or, until it is there, what a coarser one shows of it.
  #drawTile(pen, layer, level, x, y, coarsest) {
    for (let up = 0; level + up <= coarsest; up++) {
      const [tx, ty] = [x, y].map((place) => Math.floor(place / 2 ** up));
      const address = this.source.tileAddress(this.number, layer, `${level + up}/${tx}/${ty}`);
      const picture = up ? this.pictures.kept.get(address) : this.pictures.get(address, layer.prepare);
      if (picture === null) return;
      if (!picture) continue;
      const side = this.place.tile * 2 ** level;
      const [left, top] = this.toScreen(x * side, y * side).map((place) => Math.round(place * this.ratio));
      const [right, bottom] = this.toScreen((x + 1) * side, (y + 1) * side).map((place) => Math.round(place * this.ratio));
      const [w, h] = [picture.width / 2 ** up, picture.height / 2 ** up];
      pen.imageSmoothingEnabled = right - left < w;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(picture, (x - tx * 2 ** up) * w, (y - ty * 2 ** up) * h, w, h, left, top, right - left, bottom - top);
      return;
    }
  }

  #drawMark(pen, { row, column }) {
    const [left, top] = this.toScreen(column, row).map((place) => Math.round(place * this.ratio));
    const side = Math.max(9, Math.round(this.zoom * this.ratio));
    const inset = (side - Math.round(this.zoom * this.ratio)) / 2;
    for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.strokeRect(left - inset - 1, top - inset - 1, side + 2, side + 2);
    }
  }

  #resize() {
    const box = this.canvas.getBoundingClientRect();
    const wasEmpty = this.width <= 1;
    [this.width, this.height, this.ratio] = [box.width || 1, box.height || 1, devicePixelRatio || 1];
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.redraw();
    if (!this.place) return;
    if (this.isFitted) this.fit(); // a frame that is not yet in sight had no size when it opened
    else if (!wasEmpty) this.on.moved();
  }

  #listen() {
    const held = new Map();
    let start = null;
    const place = (event) => [event.clientX - this.canvas.getBoundingClientRect().left, event.clientY - this.canvas.getBoundingClientRect().top];
    const spread = () => {
      const [one, other] = [...held.values()];
      return other ? { at: [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2], wide: Math.hypot(one[0] - other[0], one[1] - other[1]) } : { at: one, wide: 0 };
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, place(event));
      start = held.size === 1 ? { at: place(event), isClick: true } : { ...start, isClick: false };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) {
        this.on.hovered(...this.toView(...place(event)));
        return;
      }
      const before = spread();
      held.set(event.pointerId, place(event));
      const now = spread();
      if (start && Math.hypot(now.at[0] - start.at[0], now.at[1] - start.at[1]) > CLICK_PX) start.isClick = false;
      if (start?.isClick) return;
      this.pan(before.at[0] - now.at[0], before.at[1] - now.at[1]);
      if (before.wide && now.wide) this.zoomTo((this.zoom * now.wide) / before.wide, now.at);
    });
    const release = (event) => {
      held.delete(event.pointerId);
      if (event.type === "pointerup" && start?.isClick && !held.size) {
        this.on.picked(...this.toView(...place(event)).map(Math.floor).reverse());
      }
      if (!held.size) start = null;
    };
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.zoomTo(this.zoom * 2 ** (-(event.deltaY * lines) / 300), place(event));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.step(1, place(event)));
  }
}
