interface Note {
  /** The title of the section, after the subject: `one key at a time` of `Redis: one key at a time`. */
  readonly section: RegExp;
  readonly text: string;
}

const READ_THROUGH = 'Values have 10 fields. Each loader resolves one turn of the event loop later.';

const notes: readonly Note[] = [
  { section: /^one key at a time$/, text: 'Times are per call, including where 64 calls are made at once.' },
  { section: /^batches of 10 fields/, text: 'Times are per batch.' },
  {
    section: /^misses, counters, and a mix$/,
    text: 'The mix makes 19 reads for each write. Its 1,000 keys follow a Zipf distribution (s = 0.99).',
  },
  {
    section: /^batches from 10 to 100,000 keys$/,
    text: 'Times are per key, with 100-byte strings. Only caches with batch calls of their own for reads and writes take part, and not cacheable and cache-manager, whose batches are those of Keyv.',
  },
  { section: /^\d+ ms away$/, text: 'A proxy delays every reply by the time in the title.' },
  {
    section: /^read-through in memory$/,
    text: `${READ_THROUGH} Of these libraries, ours and layered-loader discard a value that was deleted while it was loading. Ours does so for several processes too, by counters in the backend, which cost it extra requests also here.`,
  },
  {
    section: /^read-through on Redis$/,
    text: `${READ_THROUGH} Of these libraries, only ours discards a value that was deleted or invalidated while it was loading, and lets only one of several processes load a key. Its extra requests pay for that.`,
  },
  {
    section: /^1,000,000 entries in memory$/,
    text: 'Each value is 97 bytes of JSON under a key of about 11 bytes, with a TTL where the cache has TTLs. Each cache is filled in its own process; figures are the median of 3 runs. Bytes per entry are the growth of the heap after garbage collection.',
  },
];

/** The sentences that the page puts below the title of a section: how its figures were measured. */
export function notesOn(title: string): readonly string[] {
  const section = title.replace(/^[^:]+: /, '');
  return notes.filter((note) => note.section.test(section)).map(({ text }) => text);
}
