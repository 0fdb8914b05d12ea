import { type StoreDurability } from '../log-store.js';

/** What decides how much of a commit a crash can take back; the last two are the same in MySQL ≥ 8 and in the others. */
export const durabilityVariables: readonly string[] = [
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'sync_binlog',
  'rpl_semi_sync_source_enabled',
  'rpl_semi_sync_source_wait_point',
  'rpl_semi_sync_master_enabled',
  'rpl_semi_sync_master_wait_point',
];

/** Judges a server by its variables. */
export function mysqlDurability(variables: ReadonlyMap<string, string>): StoreDurability {
  const value = (name: string) => variables.get(name)?.toUpperCase();
  const isOn = (name: string) => ['1', 'ON'].includes(value(name) ?? '');
  const flush = value('innodb_flush_log_at_trx_commit');
  const remarks: string[] = [];
  if (flush !== '1') remarks.push(`innodb_flush_log_at_trx_commit is ${flush}, not 1: a crash takes back up to a second`);
  const hasBinlog = isOn('log_bin');
  if (hasBinlog && value('sync_binlog') !== '1') {
    remarks.push(
      `sync_binlog is ${value('sync_binlog')}, not 1: after a power cut replicas may have what the server has not, or the reverse`,
    );
  }
  const level = remarks.length === 0 ? 'synced' : flush === '0' ? 'memory' : 'flushed';
  const semiSync = ['source', 'master'].find((role) => isOn(`rpl_semi_sync_${role}_enabled`));
  if (hasBinlog && semiSync === undefined)
    remarks.push('semi-synchronous replication is off: if a replica takes over, it may lack what was acknowledged');
  if (semiSync !== undefined && value(`rpl_semi_sync_${semiSync}_wait_point`) !== 'AFTER_SYNC') {
    remarks.push('the wait point of semi-synchronous replication is not AFTER_SYNC: others may see what a crash takes back');
  }
  return { level, remarks };
}
