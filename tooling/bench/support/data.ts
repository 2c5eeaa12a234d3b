/** A plain object of ten fields, as one row of a table. */
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

/** 9 KB of nested plain data: a page of an API. */
export const page = {
  total: 28,
  next: '/users?page=2',
  items: Array.from({ length: 28 }, (_, index) => ({
    ...row,
    id: index,
    address: { street: 'St James Square 12', city: 'London', geo: { lat: 51.507 + index, lng: -0.134 } },
    roles: ['reader', 'writer', index],
  })),
};

/** What only annotations keep. */
export const annotated = {
  ...row,
  createdAt: new Date(1_700_000_000_000),
  seen: new Map([['web', new Date(1_700_000_000_001)]]),
  balance: 12n,
};
