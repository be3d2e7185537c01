// What was pressed or typed and is not known to be kept yet. All of it goes with each press, so that
// neither a burst nor a lost message loses anything; the server acknowledges by number. The tab keeps
// it too, for when the page is loaded anew before an answer came.
const AGAIN_MS = 5000;

class Outbox {
  constructor(key) {
    this.name = `adgen-outbox-${key}`;
    this.timer = null;
    try {
      this.waiting = JSON.parse(sessionStorage.getItem(this.name)) || [];
    } catch {
      this.waiting = [];
    }
    // Above what an answer to an earlier page could acknowledge.
    this.seq = Math.max(0, ...this.waiting.map((entry) => entry.seq));
  }

  keep() {
    try {
      if (this.waiting.length) sessionStorage.setItem(this.name, JSON.stringify(this.waiting));
      else sessionStorage.removeItem(this.name);
    } catch {
      // A full or forbidden store only costs what a reload in this moment would lose.
    }
  }

  // Each entry is [kind, key, value]; it takes the place of an older one of its kind and key.
  put(...entries) {
    this.seq += 1;
    for (const [kind, key, value] of entries) {
      this.drop(kind, key);
      this.waiting.push({ kind, key, value, seq: this.seq });
    }
    this.keep();
    this.deliver();
  }

  drop(kind, key) {
    this.waiting = this.waiting.filter((entry) => entry.kind !== kind || entry.key !== key);
  }

  of(kind) {
    return this.waiting.filter((entry) => entry.kind === kind);
  }

  find(kind, key) {
    return this.waiting.find((entry) => entry.kind === kind && entry.key === key)?.value;
  }

  acknowledge(seq) {
    this.seq = Math.max(this.seq, seq);
    this.waiting = this.waiting.filter((entry) => entry.seq > seq);
    this.keep();
    if (!this.waiting.length) this.rest();
  }

  // Sent once more when no answer comes: the server may have been started anew in between.
  deliver() {
    this.rest();
    // First, since sending may fail while nobody listens.
    this.timer = setTimeout(() => { this.seq += 1; this.deliver(); }, AGAIN_MS);
    this.send(this.pack());
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  // Whether something waits that nobody is about to send again.
  get idle() {
    return this.waiting.length > 0 && this.timer === null;
  }

  pack() {
    const sent = { seq: this.seq, changes: {}, reasons: {}, order: null, remarks: {}, drafts: {} };
    for (const { kind, key, value } of this.waiting) {
      if (kind === "order") sent.order = value;
      else if (kind !== "changes") sent[kind][key] = value;
      else {
        sent.changes[key] = value.mark;
        if (value.reason) sent.reasons[key] = value.reason;
      }
    }
    return sent;
  }
}
