// Which colour does a number of an overlay have, and what does it mean?

const NO_DATA = 255;
const FAINTEST = 0.25; // of what is of no concern, so that the picture below is seen

export function tableOf(overlay) {
  const table = new Uint8ClampedArray(256 * 4);
  const classes = Object.entries(overlay.classes);
  for (let number = 0; number < NO_DATA; number++) {
    if (!classes.length) table.set(colourAt(overlay, (number * overlay.step) / overlay.highest), number * 4);
  }
  for (const [number, [colour]] of classes) table.set([...parsed(colour), 255], Number(number) * 4);
  return table;
}

// A picture of numbers as one of colours; its numbers stay readable.
export function coloured(picture, table) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  const image = pen.getImageData(0, 0, picture.width, picture.height);
  canvas.numbers = new Uint8Array(picture.width * picture.height);
  for (let k = 0; k < canvas.numbers.length; k++) {
    const number = (canvas.numbers[k] = image.data[k * 4]);
    for (let c = 0; c < 4; c++) image.data[k * 4 + c] = table[number * 4 + c];
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

export function valueText(overlay, number) {
  if (number === null || number === NO_DATA) return "unknown";
  if (Object.keys(overlay.classes).length) return overlay.classes[number]?.[1] ?? "no";
  const digits = overlay.step >= 1 ? 0 : Math.max(0, Math.round(-Math.log10(overlay.step)));
  return (number * overlay.step).toFixed(digits);
}

export function drawLegend(element, overlay) {
  element.replaceChildren();
  const say = (tag, name, text) => {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    element.append(made);
    return made;
  };
  const swatch = (into, n, colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: n, height: 1 });
    const pen = canvas.getContext("2d");
    for (let k = 0; k < n; k++) {
      const [r, g, b, a = 255] = colour(k / Math.max(1, n - 1));
      pen.fillStyle = `rgb(${r} ${g} ${b} / ${a / 255})`;
      pen.fillRect(k, 0, 1, 1);
    }
    into.prepend(canvas);
  };
  const classes = Object.values(overlay.classes);
  for (const [colour, meaning] of classes) swatch(say("div", "class", meaning), 1, () => parsed(colour));
  if (!classes.length) {
    swatch(say("div", "ramp"), 256, (share) => colourAt(overlay, share));
    const ends = say("div", "ends");
    for (const text of ["0", `${overlay.highest}${overlay.step < 1 && overlay.highest < 1 ? " or more" : ""}`]) {
      ends.append(Object.assign(document.createElement("span"), { textContent: text }));
    }
  }
  if (overlay.meaning) say("p", "dim", overlay.meaning);
}

function colourAt(overlay, share) {
  const colours = overlay.colours.map(parsed);
  const inside = Math.min(1, Math.max(0, share));
  const place = inside * (colours.length - 1);
  const k = Math.min(colours.length - 2, Math.floor(place));
  const strength = FAINTEST + (1 - FAINTEST) * (overlay.is_quiet_if_high ? 1 - inside : inside);
  return [...colours[k].map((value, c) => Math.round(value + (colours[k + 1][c] - value) * (place - k))), Math.round(255 * strength)];
}

function parsed(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}
