import { superjsonSerializer } from '@ninefold/core';
import superjson from 'superjson';
import { annotated, bytes, page, row, rowsWithDates } from './support/data.ts';
import { bench, type Contest, type Work } from './support/harness.ts';

/** Receives results, so that they are not optimised away. */
let sink: unknown;

function repeat(work: () => unknown): Work {
  return (times) => {
    for (let time = 0; time < times; time++) sink = work();
  };
}

function contest(name: string, baseline: () => unknown, ours: () => unknown, atMost?: number): Contest {
  return { name, baseline: repeat(baseline), ours: repeat(ours), ...(atMost === undefined ? {} : { atMost }) };
}

const { serialize, deserialize } = superjsonSerializer;
const bare = { row: JSON.stringify(row), page: JSON.stringify(page) };
const text = {
  row: serialize(row),
  page: serialize(page),
  annotated: serialize(annotated),
  rowsWithDates: serialize(rowsWithDates),
  bytes: serialize(bytes),
};
const bytesBySuperjson = superjson.stringify(bytes);

await bench('Serializer: against JSON and superjson', [
  contest(
    'write 10 fields : JSON.stringify',
    () => JSON.stringify(row),
    () => serialize(row),
    1.6,
  ),
  contest(
    'write 10 KB : JSON.stringify',
    () => JSON.stringify(page),
    () => serialize(page),
    1.8,
  ),
  contest(
    'read 10 fields : JSON.parse',
    () => JSON.parse(bare.row),
    () => deserialize(text.row),
    1.3,
  ),
  contest(
    'read 10 KB : JSON.parse',
    () => JSON.parse(bare.page),
    () => deserialize(text.page),
    1.3,
  ),
  contest(
    'write 10 fields : superjson',
    () => superjson.stringify(row),
    () => serialize(row),
  ),
  contest(
    'write 10 KB : superjson',
    () => superjson.stringify(page),
    () => serialize(page),
  ),
  contest(
    'write 100 rows with Dates : superjson',
    () => superjson.stringify(rowsWithDates),
    () => serialize(rowsWithDates),
  ),
  contest(
    'read 100 rows with Dates : superjson',
    () => superjson.parse(text.rowsWithDates),
    () => deserialize(text.rowsWithDates),
  ),
  contest(
    'write annotated : superjson',
    () => superjson.stringify(annotated),
    () => serialize(annotated),
  ),
  contest(
    'read annotated : superjson',
    () => superjson.parse(text.annotated),
    () => deserialize(text.annotated),
  ),
  // superjson writes a list of numbers, and we base64, by a transformer of superjson's.
  contest(
    'write 10 KB of bytes : superjson',
    () => superjson.stringify(bytes),
    () => serialize(bytes),
  ),
  contest(
    'read 10 KB of bytes : superjson',
    () => superjson.parse(bytesBySuperjson),
    () => deserialize(text.bytes),
  ),
]);
if (sink === undefined) throw new Error('nothing was measured');
