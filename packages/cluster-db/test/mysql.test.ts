import { afterAll, describe } from 'vitest';
import { mysqlServer } from './mysql-databases.js';
import { mysqlSuites } from './mysql-suites.js';

const server = await mysqlServer();
afterAll(() => server?.stop());
describe.skipIf(server === undefined)('MySQL (SI_MYSQL_URL, or `pnpm services` as root, which installs it)', () =>
  mysqlSuites('MySQL', () => server!),
);
