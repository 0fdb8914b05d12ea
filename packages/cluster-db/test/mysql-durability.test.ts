import { expect, it } from 'vitest';
import { mysqlDurability } from '../src/mysql/mysql-durability.js';

it.each<[string, Record<string, string>, string, RegExp[]]>([
  ['durable, alone', { innodb_flush_log_at_trx_commit: '1', log_bin: 'OFF', sync_binlog: '0' }, 'synced', []],
  [
    'durable, with replicas',
    { innodb_flush_log_at_trx_commit: '1', log_bin: 'ON', sync_binlog: '1' },
    'synced',
    [/semi-synchronous replication is off/],
  ],
  [
    'durable, semi-synchronous',
    {
      innodb_flush_log_at_trx_commit: '1',
      log_bin: 'ON',
      sync_binlog: '1',
      rpl_semi_sync_master_enabled: 'ON',
      rpl_semi_sync_master_wait_point: 'AFTER_SYNC',
    },
    'synced',
    [],
  ],
  [
    'the wrong wait point',
    {
      innodb_flush_log_at_trx_commit: '1',
      log_bin: '1',
      sync_binlog: '1',
      rpl_semi_sync_source_enabled: '1',
      rpl_semi_sync_source_wait_point: 'AFTER_COMMIT',
    },
    'synced',
    [/not AFTER_SYNC/],
  ],
  [
    'semi-synchronous for ten seconds, and not any more',
    {
      innodb_flush_log_at_trx_commit: '1',
      log_bin: 'ON',
      sync_binlog: '1',
      rpl_semi_sync_source_enabled: 'ON',
      rpl_semi_sync_source_wait_point: 'AFTER_SYNC',
      rpl_semi_sync_source_timeout: '10000',
      rpl_semi_sync_source_status: 'OFF',
    },
    'synced',
    [/not at work now/, /timeout is 10000 ms/],
  ],
  [
    'in a replication group',
    {
      innodb_flush_log_at_trx_commit: '1',
      log_bin: 'ON',
      sync_binlog: '1',
      group_replication_group_name: 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa',
    },
    'synced',
    [],
  ],
  ['a node of Galera', { innodb_flush_log_at_trx_commit: '1', log_bin: 'OFF', wsrep_on: 'ON' }, 'synced', [/Galera/]],
  ['of MariaDB, flushing twice', { innodb_flush_log_at_trx_commit: '3', log_bin: 'OFF' }, 'synced', []],
  ['not flushing', { innodb_flush_log_at_trx_commit: '1', log_bin: 'OFF', innodb_flush_method: 'nosync' }, 'flushed', [/nosync/]],
  [
    'without a doublewrite buffer',
    { innodb_flush_log_at_trx_commit: '1', log_bin: 'OFF', innodb_doublewrite: 'OFF' },
    'flushed',
    [/half written/],
  ],
  ['flushed once a second', { innodb_flush_log_at_trx_commit: '2', log_bin: 'OFF' }, 'flushed', [/is 2, not 1/]],
  ['not even written', { innodb_flush_log_at_trx_commit: '0', log_bin: 'OFF' }, 'memory', [/is 0, not 1/]],
  [
    'binlog behind',
    { innodb_flush_log_at_trx_commit: '1', log_bin: 'ON', sync_binlog: '0' },
    'flushed',
    [/sync_binlog is 0/, /semi-synchronous/],
  ],
])('a server that is %s', (_, variables, level, remarks) => {
  const found = mysqlDurability(new Map(Object.entries(variables)));
  expect(found.level).toBe(level);
  expect(found.remarks).toHaveLength(remarks.length);
  for (const [index, remark] of remarks.entries()) expect(found.remarks[index]).toMatch(remark);
});
