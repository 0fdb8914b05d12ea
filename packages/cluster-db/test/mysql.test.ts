import { afterAll, describe } from 'vitest';
import { mysqlServer } from './mysql-databases.js';
import { mysqlSuites } from './mysql-suites.js';

const server = mysqlServer();
afterAll(() => server?.stop());
describe.skipIf(server === undefined)('MySQL (SI_MYSQL_URL: a user that may create databases si_…)', () =>
  mysqlSuites('MySQL', () => server!),
);
