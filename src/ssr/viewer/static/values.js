// What is stored at a pixel, as tables?

import { valueText } from "./colours.js";

export function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function table(rows, heads) {
  const made = element("table");
  if (heads) {
    const row = element("tr");
    row.append(...heads.map((text) => element("th", text, { scope: "col" })));
    made.append(element("thead"));
    made.tHead.append(row);
  }
  const body = element("tbody");
  for (const [name, ...cells] of rows) {
    const row = element("tr");
    row.append(element("th", name, { scope: "row" }), ...cells.map((cell) => element("td", cell)));
    body.append(row);
  }
  made.append(body);
  return made;
}

export function showValues(box, place, found, lonLat) {
  const title = `row ${found.row}, column ${found.column}${lonLat ? `; ${degrees(lonLat)}` : ""}`;
  const rows = place.layers.map((layer) => [layer.day ?? layer.name, numbers(found.layers[layer.id])]);
  const trust = place.overlays.map((one) => [one.title, valueText(one, found.overlays[one.id] ?? null)]);
  box.replaceChildren(element("p", title, { className: "dim" }));
  if (trust.length) box.append(table(trust, ["overlay", ""]));
  if (found.dates_used) {
    const names = found.dates_used.map((number) => {
      const date = place.dates.find((one) => one.number === number);
      const layer = place.layers.find((one) => one.number === number);
      return layer?.day ?? date?.time?.slice(0, 10) ?? date?.name ?? number;
    });
    box.append(element("p", `${names.length} of ${place.dates.length} dates used here: ${names.join(", ") || "none"}`, { className: "used" }));
  }
  box.append(table(rows, ["layer", bands(place)]));
  if (found.are_colours) box.append(element("p", "Colours as shown; the page does not hold other numbers.", { className: "dim" }));
}

export function degrees([lon, lat]) {
  return `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
}

function numbers(values) {
  if (!values) return "outside";
  return values.slice(0, 13).map((value) => (value === null ? "–" : Number.isInteger(value) ? value : value.toPrecision(4))).join(" ");
}

function bands(place) {
  const names = place.layers[0].bands;
  return names.length > 6 ? `${names.length} bands` : names.join(" ");
}
