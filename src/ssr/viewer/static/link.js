// How does an address hold what is shown, so that a link restores it?

const NUMBERS = { n: 0, x: null, y: null, z: null, d: null, s: null, t: null };

export function readLink(text) {
  const found = {};
  for (const [key, value] of new URLSearchParams(text.replace(/^#/, "").slice(0, 500))) {
    if (key in NUMBERS) {
      if (value !== "" && Number.isFinite(Number(value))) found[key] = Number(value);
    } else if (["a", "b", "o"].includes(key) && /^[a-z]+[0-9]{0,5}$/.test(value)) {
      found[key] = value;
    } else if (key === "p" && /^\d{1,9},\d{1,9}$/.test(value)) {
      [found.row, found.column] = value.split(",").map(Number);
    } else if (key === "w") {
      found.w = value !== "0";
    }
  }
  return found;
}

export function writeLink(state, map) {
  const digits = Math.max(0, Math.ceil(Math.log10(map.zoom)) + 1);
  const parts = {
    n: state.number || undefined,
    x: map.x.toFixed(digits),
    y: map.y.toFixed(digits),
    z: Number(map.zoom.toPrecision(6)),
    a: state.left,
    b: state.right,
    w: state.isSwiping ? undefined : 0,
    s: state.share === 0.5 ? undefined : Number(state.share.toFixed(4)),
    d: state.date || undefined,
    o: state.overlay ?? undefined,
    t: state.opacity === 0.6 ? undefined : Number(state.opacity.toFixed(2)),
    p: state.mark ? `${state.mark.row},${state.mark.column}` : undefined,
  };
  const link = new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== undefined));
  return `#${link.toString().replaceAll("%2C", ",")}`;
}
