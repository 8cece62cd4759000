// Which of many chips is worth opening?

import { loadPicture } from "./source.js";
import { slotsOf, shownBy, bestDate } from "./slots.js";
import { element } from "./values.js";

const A_PAGE = 60;

export class Gallery {
  constructor(box, source, entries, open) {
    Object.assign(this, { box, source, entries, open, n_shown: A_PAGE });
    this.cards = box.querySelector("#cards");
    this.sort = box.querySelector("#sort");
    this.find = box.querySelector("#find");
    this.more = box.querySelector("#more");
    this.seen = new IntersectionObserver((found) => found.filter((one) => one.isIntersecting).forEach((one) => this.#draw(one.target)), { root: box, rootMargin: "200px" });
    const measures = new Set();
    for (const entry of entries) {
      for (const [layer, figures] of Object.entries(entry.figures)) for (const key of Object.keys(figures)) measures.add(`${key} of ${layer}`);
    }
    this.sort.append(element("option", "order of the files", { value: "" }));
    for (const name of measures) {
      this.sort.append(element("option", `${name}, low to high`, { value: `+${name}` }), element("option", `${name}, high to low`, { value: `-${name}` }));
    }
    this.sort.oninput = this.find.oninput = () => this.list();
    this.more.onclick = () => {
      this.n_shown += A_PAGE;
      this.list();
    };
  }

  list() {
    const wanted = this.find.value.toLowerCase();
    const found = this.entries.filter((entry) => `${entry.title} ${entry.group} ${entry.told}`.toLowerCase().includes(wanted));
    if (this.sort.value) {
      const [key, layer] = this.#sortedBy();
      const sign = this.sort.value[0] === "+" ? 1 : -1;
      const of = (entry) => entry.figures[layer]?.[key] ?? Infinity * sign;
      found.sort((one, other) => sign * (of(one) - of(other)) || one.id - other.id);
    }
    this.seen.disconnect();
    this.cards.replaceChildren(...found.slice(0, this.n_shown).map((entry) => this.#card(entry)));
    this.more.hidden = found.length <= this.n_shown;
    if (!found.length) this.cards.append(element("p", "Nothing of that name."));
  }

  // Measure and layer.
  #sortedBy() {
    return this.sort.value ? this.sort.value.slice(1).split(" of ") : null;
  }

  #card(entry) {
    const card = element("button", undefined, { className: "card", type: "button" });
    card.dataset.id = entry.id;
    card.append(element("div", undefined, { className: "pics" }), element("b", entry.title));
    if (entry.group || entry.told) card.append(element("span", [entry.group, entry.told].filter(Boolean).join(": "), { className: "dim" }));
    const [key] = this.#sortedBy() ?? Object.keys(Object.values(entry.figures)[0] ?? {});
    const said = Object.entries(entry.figures).map(([layer, figures]) => `${layer} ${figures[key] == null ? "–" : Number(figures[key].toPrecision(4))}`);
    if (said.length) card.append(element("div", `${key}: ${said.join(", ")}`, { className: "dim" }));
    card.onclick = () => this.open(entry.id);
    this.seen.observe(card);
    return card;
  }

  async #draw(card) {
    this.seen.unobserve(card);
    const number = Number(card.dataset.id);
    try {
      const place = await this.source.place(number);
      const slots = slotsOf(place);
      const first = (kind) => place.layers.find((layer) => layer.kind === kind)?.id;
      const keys = ["date", first("super_res"), first("truth"), ...slots.map((slot) => slot.key)];
      const order = [...new Set(keys)].filter((key) => key && key !== "bicubic");
      const pictures = card.querySelector(".pics");
      for (const key of order.slice(0, 3)) {
        const layer = shownBy(place, key, bestDate(place));
        if (!layer) continue;
        const level = Math.min(place.levels - 1, layer.coarsest ?? place.levels - 1);
        const side = place.tile * 2 ** level;
        const at = [place.extent[0], place.extent[1]].map((edge) => Math.floor(edge / side));
        const picture = await loadPicture(this.source.tileAddress(number, layer, `${level}/${at.join("/")}`));
        if (picture) pictures.append(cropped(picture, place, level, at, layer.title));
      }
    } catch (error) {
      card.append(element("span", error.message, { className: "dim" }));
    }
  }
}

function cropped(picture, place, level, at, title) {
  const scale = picture.width / (place.tile * 2 ** level);
  const [left, top, right, bottom] = place.extent.map((edge, k) => (edge - at[k % 2] * place.tile * 2 ** level) * scale);
  const canvas = element("canvas", undefined, { width: Math.max(1, Math.ceil(right - left)), height: Math.max(1, Math.ceil(bottom - top)) });
  canvas.getContext("2d").drawImage(picture, -left, -top);
  const figure = element("figure");
  figure.append(canvas, element("figcaption", title, { title }));
  return figure;
}
