// What was pressed or typed and is not known to be kept yet. All of it goes with each press, so that
// neither a burst nor a lost message loses anything; the server acknowledges by number.
const AGAIN_MS = 5000;

class Outbox {
  constructor() {
    this.seq = 0;
    this.waiting = [];
  }

  // Each entry is [kind, key, value]; it takes the place of an older one of its kind and key.
  put(...entries) {
    this.seq += 1;
    for (const [kind, key, value] of entries) {
      this.drop(kind, key);
      this.waiting.push({ kind, key, value, seq: this.seq });
    }
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
    if (!this.waiting.length) this.rest();
  }

  // Sent once more when no answer comes: the server may have been started anew in between.
  deliver() {
    this.rest();
    this.send(this.pack());
    this.timer = setTimeout(() => { this.seq += 1; this.deliver(); }, AGAIN_MS);
  }

  rest() {
    clearTimeout(this.timer);
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
