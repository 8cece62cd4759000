// Where do descriptions and tiles come from: the server, or this page itself?

const AT_ONCE = 8;

export function openSource() {
  const embedded = document.getElementById("embedded");
  return embedded ? new Embedded(JSON.parse(embedded.textContent)) : new Server();
}

class Server {
  isEmbedded = false;

  async list() {
    const entries = [];
    for (;;) {
      const page = await this.json(`api/list?start=${entries.length}&n=200`);
      entries.push(...page.entries);
      if (entries.length >= page.n || !page.entries.length) return entries;
    }
  }

  place(number) {
    return this.json(`api/${number}/place`);
  }

  values(number, row, column) {
    return this.json(`api/${number}/values?row=${row}&column=${column}`);
  }

  tileAddress(number, layer, at) {
    return `api/${number}/tile/${layer.id}/${layer.look}/${at}?v=${layer.version}`;
  }

  async json(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}

class Embedded {
  isEmbedded = true;

  constructor(data) {
    this.data = data;
  }

  async list() {
    return [{ id: 0, title: this.data.place.title, group: "", told: "", figures: {} }];
  }

  async place() {
    return this.data.place;
  }

  async values() {
    return null; // what the tiles hold is all that is known here
  }

  tileAddress(number, layer, at) {
    const tiles = this.data.tiles; // seen from afar, interpolated tiles are the stored ones
    return tiles[`${layer.id}/${layer.look}/${at}`] ?? tiles[`${layer.id}/stored/${at}`] ?? null;
  }
}

// Pictures by address, the last ones used; few are fetched at once, and none that nobody waits for any more.
export class Pictures {
  constructor(arrived, failed, n_kept = 900) {
    Object.assign(this, { arrived, failed, n_kept });
    this.kept = new Map();
    this.wanted = new Map();
    this.fetching = new Map();
  }

  // The picture, null where there is none, undefined while it is not here.
  get(address, prepare) {
    if (address === null) return null;
    if (this.kept.has(address)) {
      const found = this.kept.get(address);
      this.kept.delete(address);
      this.kept.set(address, found);
      return found;
    }
    if (!this.wanted.has(address)) this.wanted.set(address, prepare);
    return undefined;
  }

  // After a drawing: fetch what it lacked, and stop what it did not ask for.
  fetchWanted() {
    for (const [address, control] of this.fetching) if (!this.wanted.has(address)) control.abort();
    for (const [address, prepare] of this.wanted) {
      if (this.fetching.size >= AT_ONCE) break;
      if (!this.fetching.has(address)) this.#fetch(address, prepare);
    }
    this.isWaiting = this.wanted.size > 0;
    this.wanted = new Map();
  }

  async #fetch(address, prepare) {
    const control = new AbortController();
    this.fetching.set(address, control);
    try {
      const picture = await loadPicture(address, control.signal);
      this.kept.set(address, picture && prepare ? prepare(picture) : picture);
      while (this.kept.size > this.n_kept) this.kept.delete(this.kept.keys().next().value);
    } catch (error) {
      if (error.name !== "AbortError") {
        this.kept.set(address, null);
        this.failed(error.message);
      }
    }
    this.fetching.delete(address);
    this.arrived();
  }
}

export async function loadPicture(address, signal) {
  const answer = await fetch(address, { signal });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error((await answer.text()) || `the picture cannot be had (${answer.status})`);
  return createImageBitmap(await answer.blob());
}
