import initSqlJs from 'sql.js';

export interface Customer {
  readonly id: number;
  readonly name: string;
  readonly orders: number;
  readonly total: number;
}

/** A shop in SQLite. Each lookup of a customer scans all orders. */
export interface Shop {
  customer(id: number): Promise<Customer | undefined>;
  rename(id: number, name: string): Promise<void>;
  /** The number of customers looked up so far. */
  readonly queries: () => number;
}

export async function openShop(customers: number, orders: number): Promise<Shop> {
  const { Database } = await initSqlJs();
  const database = new Database();
  database.run(
    'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE orders (customer INT, cents INT)',
  );
  database.run('BEGIN');
  for (let id = 1; id <= customers; id++) database.run('INSERT INTO customers VALUES (?, ?)', [id, `Customer ${id}`]);
  for (let order = 0; order < orders; order++) {
    database.run('INSERT INTO orders VALUES (?, ?)', [1 + (order % customers), 100 + ((order * 7919) % 10_000)]);
  }
  database.run('COMMIT');
  let queries = 0;
  const find = database.prepare(
    `SELECT id, name, (SELECT COUNT(*) FROM orders WHERE customer = id) AS orders,
            (SELECT SUM(cents) / 100.0 FROM orders WHERE customer = id) AS total
     FROM customers WHERE id = ?`,
  );
  return {
    async customer(id) {
      queries += 1;
      const row = find.getAsObject([id]);
      return row.id === undefined || row.id === null ? undefined : (row as unknown as Customer);
    },
    async rename(id, name) {
      database.run('UPDATE customers SET name = ? WHERE id = ?', [name, id]);
    },
    queries: () => queries,
  };
}
