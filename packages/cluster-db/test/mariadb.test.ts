import { afterAll, describe } from 'vitest';
import { mariadbServer } from './mysql-databases.js';
import { mysqlSuites } from './mysql-suites.js';

const server = await mariadbServer();
afterAll(() => server?.stop());
describe.skipIf(server === undefined)('MariaDB (SI_MARIADB_URL, or `pnpm services` as root, which installs it)', () =>
  mysqlSuites('MariaDB (SI_MARIADB_URL, or `pnpm services` as root, which installs it)', () => server!),
);
