// Database servers for tests. `pnpm services` starts them for a terminal; suites that find no URL in the environment start their own.
export { installMariadb, startMariadb } from './mariadb.mjs';
