// Where on Earth is a pixel of the view, and where in the view a tile of a basemap?

const BASEMAP_PX = 256;
const FINEST_ZOOM = 19;
const MOST_TILES = 120;

export class Net {
  constructor(net, extent) {
    Object.assign(this, net, { extent });
    this.merX = this.lon.map((lon) => (lon + 180) / 360);
    this.merY = this.lat.map((lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI));
  }

  lonLat(x, y) {
    const at = this.#shares(x, y, this.extent);
    return [this.#between(this.lon, ...at), this.#between(this.lat, ...at)];
  }

  drawBasemap(pen, map, template, pictures) {
    const toScreen = (u, v) => {
      const at = this.#shares(u, v, this.mercator);
      return map.toScreen(this.#between(this.x, ...at), this.#between(this.y, ...at));
    };
    const corners = [[0, 0], [map.width, 0], [0, map.height], [map.width, map.height]].map(([x, y]) => {
      const at = this.#shares(...map.toView(x, y), this.extent);
      return [this.#between(this.merX, ...at), this.#between(this.merY, ...at)];
    });
    const [us, vs] = [corners.map((corner) => corner[0]), corners.map((corner) => corner[1])];
    const across = Math.hypot(...difference(toScreen(...corners[1]), toScreen(...corners[0]))) / Math.hypot(...difference(corners[1], corners[0]));
    const zoom = Math.min(FINEST_ZOOM, Math.max(0, Math.round(Math.log2((across * map.ratio) / BASEMAP_PX))));
    const n = 2 ** zoom;
    const [x0, x1, y0, y1] = [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)].map((share) => Math.floor(share * n));
    if ((x1 - x0 + 1) * (y1 - y0 + 1) > MOST_TILES) return;
    for (let x = x0; x <= x1; x++) {
      for (let y = Math.max(0, y0); y <= Math.min(n - 1, y1); y++) {
        const address = template.replace("{z}", zoom).replace("{x}", ((x % n) + n) % n).replace("{y}", y);
        const picture = pictures.get(address);
        if (!picture) continue;
        const [a, b, c] = [[x, y], [x + 1, y], [x, y + 1]].map(([i, j]) => toScreen(i / n, j / n).map((value) => value * map.ratio));
        const side = picture.width;
        pen.setTransform((b[0] - a[0]) / side, (b[1] - a[1]) / side, (c[0] - a[0]) / side, (c[1] - a[1]) / side, a[0], a[1]);
        pen.imageSmoothingEnabled = true;
        pen.drawImage(picture, 0, 0, side + 0.5, side + 0.5); // half a pixel more hides seams between tilted tiles
      }
    }
    pen.resetTransform();
  }

  #shares(x, y, [left, top, right, bottom]) {
    return [((x - left) / (right - left)) * (this.n - 1), ((y - top) / (bottom - top)) * (this.n - 1)];
  }

  #between(values, column, row) {
    const [i, j] = [column, row].map((place) => Math.min(this.n - 2, Math.max(0, Math.floor(place))));
    const at = (di, dj) => values[(j + dj) * this.n + i + di];
    const [p, q] = [column - i, row - j];
    return (at(0, 0) * (1 - p) + at(1, 0) * p) * (1 - q) + (at(0, 1) * (1 - p) + at(1, 1) * p) * q;
  }
}

// Pictures of another site, which must allow that they are used (CORS), else saving the view would be forbidden.
export class BasemapPictures {
  constructor(arrived) {
    this.arrived = arrived;
    this.kept = new Map();
  }

  get(address) {
    if (!this.kept.has(address)) {
      const picture = new Image();
      picture.crossOrigin = "anonymous";
      picture.referrerPolicy = "no-referrer";
      picture.onload = () => this.arrived();
      picture.src = address;
      this.kept.set(address, picture);
      if (this.kept.size > 400) this.kept.delete(this.kept.keys().next().value);
    }
    const found = this.kept.get(address);
    return found.complete && found.naturalWidth ? found : null;
  }
}

function difference(one, other) {
  return [one[0] - other[0], one[1] - other[1]];
}
