// Database servers for tests. `pnpm services` starts them for a terminal; suites that find no URL in the environment start their own.
export { sourceOf } from './docker.mjs';
export { installFerretdb, isFerretdbReady, startFerretdb } from './ferretdb.mjs';
export { installMariadb, startMariadb } from './mariadb.mjs';
export { installMysql, isMysqlReady, startMysql } from './mysql.mjs';
