import { type StoreDurability } from '../log-store.js';

/** What semi-synchronous replication is called in MySQL ≥ 8 and in the others. */
const roles = ['source', 'master'] as const;

/** What decides how much of a commit a crash can take back. */
export const durabilityVariables: readonly string[] = [
  'innodb_flush_log_at_trx_commit',
  'innodb_flush_method',
  'innodb_doublewrite',
  'log_bin',
  'sync_binlog',
  'group_replication_group_name',
  'wsrep_on',
  ...roles.flatMap((role) => [`rpl_semi_sync_${role}_enabled`, `rpl_semi_sync_${role}_wait_point`, `rpl_semi_sync_${role}_timeout`]),
];

/** Whether semi-synchronous replication is at work now, and has not been given up because no replica answered. */
export const durabilityStatus: readonly string[] = roles.map((role) => `rpl_semi_sync_${role}_status`);

/** Milliseconds: with less an interruption that nobody has looked at yet ends the promise. */
const semiSyncTimeoutMin = 3_600_000;

/** Judges a server by its variables, and by that of its status. */
export function mysqlDurability(variables: ReadonlyMap<string, string>): StoreDurability {
  const value = (name: string) => variables.get(name)?.toUpperCase();
  const isOn = (name: string) => ['1', 'ON'].includes(value(name) ?? '');
  const flush = value('innodb_flush_log_at_trx_commit');
  const remarks: string[] = [];
  // With 3 MariaDB waits for the disk twice.
  if (flush !== '1' && flush !== '3') remarks.push(`innodb_flush_log_at_trx_commit is ${flush}, not 1: a crash takes back up to a second`);
  if (value('innodb_flush_method') === 'NOSYNC')
    remarks.push('innodb_flush_method is nosync: a power cut takes back what the disk has not got');
  if (['0', 'OFF', 'DETECT_ONLY'].includes(value('innodb_doublewrite') ?? ''))
    remarks.push(`innodb_doublewrite is ${value('innodb_doublewrite')}: a page that a power cut leaves half written cannot be restored`);
  const hasBinlog = isOn('log_bin');
  if (hasBinlog && value('sync_binlog') !== '1') {
    remarks.push(
      `sync_binlog is ${value('sync_binlog')}, not 1: after a power cut replicas may have what the server has not, or the reverse`,
    );
  }
  const level = remarks.length === 0 ? 'synced' : flush === '0' ? 'memory' : 'flushed';
  if (isOn('wsrep_on')) remarks.push('Galera confirms commits that another node may not have yet: keep all connections on one node');
  // The group agrees on a commit before it is confirmed.
  else if (hasBinlog && (value('group_replication_group_name') ?? '') === '') remarks.push(...semiSyncRemarks(value, isOn));
  return { level, remarks };
}

function semiSyncRemarks(value: (name: string) => string | undefined, isOn: (name: string) => boolean): string[] {
  const role = roles.find((name) => isOn(`rpl_semi_sync_${name}_enabled`));
  if (role === undefined) return ['semi-synchronous replication is off: if a replica takes over, it may lack what was acknowledged'];
  const remarks: string[] = [];
  const own = (name: string) => `rpl_semi_sync_${role}_${name}`;
  if (value(own('wait_point')) !== 'AFTER_SYNC')
    remarks.push('the wait point of semi-synchronous replication is not AFTER_SYNC: others may see what a crash takes back');
  if (value(own('status')) === 'OFF') remarks.push('semi-synchronous replication is not at work now: no replica confirms');
  const timeout = value(own('timeout'));
  if (timeout !== undefined && Number(timeout) < semiSyncTimeoutMin)
    remarks.push(
      `${own('timeout')} is ${timeout} ms: after that, commits are confirmed without a replica; set at least ${semiSyncTimeoutMin}`,
    );
  return remarks;
}
