// What can be chosen for the left and the right side, and which tiles is that?

export function slotsOf(place) {
  const dates = place.layers.filter((layer) => layer.kind === "date");
  const of = (kind) => place.layers.filter((layer) => layer.kind === kind).map((layer) => ({ key: layer.id, label: label(place, layer) }));
  const slots = [...of("super_res")];
  if (dates.length) {
    slots.push({ key: "date", label: dates.length > 1 ? "Low-res date" : `Low-res: ${dates[0].day ?? dates[0].name}` });
    if (dates.some((date) => date.is_coarser)) slots.push({ key: "bicubic", label: "Bicubic of that date" });
  }
  return [...slots, ...of("truth"), ...of("image")];
}

function label(place, layer) {
  const isOneOfMany = place.layers.filter((one) => one.kind === layer.kind).length > 1;
  const kind = { super_res: "Super-resolved", truth: "Truth" }[layer.kind];
  return kind && !isOneOfMany ? `${kind}: ${layer.name}` : layer.name;
}

export function datesOf(place) {
  return place.layers.filter((layer) => layer.kind === "date");
}

export function bestDate(place) {
  const told = place.dates.find((date) => String(date.why ?? "").startsWith("best"));
  return Math.max(0, datesOf(place).findIndex((layer) => told && layer.number === told.number));
}

// What a side shows for its slot and the chosen date.
export function shownBy(place, key, date) {
  if (key !== "date" && key !== "bicubic") {
    const layer = place.layers.find((one) => one.id === key);
    return layer && { ...layer, look: "stored", title: label(place, layer) };
  }
  const layer = datesOf(place)[date];
  const when = layer?.day ?? layer?.name;
  return layer && { ...layer, look: key === "bicubic" ? "bicubic" : "stored", title: `${key === "bicubic" ? "Bicubic" : "Low-res"} ${when}` };
}
