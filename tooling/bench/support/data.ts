/** A plain object of ten fields, like a row of a table. */
export const row = {
  id: 18_231,
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  active: true,
  score: 97.25,
  role: 'admin',
  team: null,
  createdAt: '2024-05-06T07:08:09.123Z',
  visits: 4711,
  tags: 'first,second,third',
};

/** 10 KB of nested plain data, like a page of an API. */
export const page = {
  total: 32,
  next: '/users?page=2',
  items: Array.from({ length: 32 }, (_, index) => ({
    ...row,
    id: index,
    address: { street: 'St James Square 12', city: 'London', geo: { lat: 51.507 + index, lng: -0.134 } },
    roles: ['reader', 'writer', index],
  })),
};

/** A value that superjson stores with annotations: Dates, a Map and a bigint. */
export const annotated = {
  ...row,
  createdAt: new Date(1_700_000_000_000),
  seen: new Map([['web', new Date(1_700_000_000_001)]]),
  balance: 12n,
};

/** As a database returns them. */
export const rowsWithDates = Array.from({ length: 100 }, (_, id) => ({
  ...row,
  id,
  createdAt: new Date(1_700_000_000_000 + id),
  updatedAt: new Date(1_710_000_000_000 + id),
}));

/** As of an image. */
export const bytes: Uint8Array = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7919);

/** A kind of value. Each key has a value of its own. */
export interface Kind<T = unknown> {
  readonly name: string;
  make(index: number): T;
  /** Whether `value` is the one for `index`. Checks a few fields only, because every read is checked. */
  is(value: unknown, index: number): boolean;
}

const PAD = 'x'.repeat(92);

export const kinds = {
  string: kind({
    name: '100-byte string',
    make: (index: number) => `${PAD}${String(index).padStart(8, '0')}`,
    is: (value: string, index) => value.length === 100 && Number(value.slice(92)) === index,
  }),
  row: kind({
    name: '10 fields',
    make: (index: number) => ({ ...row, id: index }),
    is: (value: typeof row, index) => value.id === index && value.tags === row.tags,
  }),
  page: kind({
    name: '10 KB',
    make: (index: number) => ({ ...page, total: index }),
    is: (value: typeof page, index) => value.total === index && value.items.length === page.items.length,
  }),
  annotated: kind({
    name: 'Date and Map',
    make: (index: number) => ({
      ...row,
      createdAt: new Date(1_700_000_000_000 + index),
      seen: new Map([['web', index]]),
    }),
    is: (value: { readonly createdAt: Date; readonly seen: ReadonlyMap<string, number> }, index) =>
      value.createdAt.getTime() === 1_700_000_000_000 + index && value.seen.get('web') === index,
  }),
} as const;

function kind<T>(of: { name: string; make(index: number): T; is(value: T, index: number): boolean }): Kind<T> {
  const { name, make, is } = of;
  return { name, make, is: (value, index) => value !== undefined && value !== null && is(value as T, index) };
}
