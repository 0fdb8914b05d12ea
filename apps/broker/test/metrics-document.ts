/** A metric as `/metrics` describes it. */
interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

const questions: readonly (readonly [question: string, answer: string])[] = [
  ['Is it alive, and may clients come?', '`/healthz` is 200 while the process answers. `/readyz` is 200 or 503, and says why in one line.'],
  ['How many clients are there?', '`si_mqtt_connected_clients`; sessions without a connection are `si_mqtt_sessions` less those.'],
  ['How many messages?', '`rate(si_mqtt_publish_received_total[1m])`, `rate(si_mqtt_publish_sent_total[1m])`.'],
  [
    'Is anything lost?',
    '`si_mqtt_dropped_…_total`, one for each reason: `queue_full` and `overloaded` are the one loss of acknowledged messages that the [guarantees](guarantees.md) permit, `not_drained` and `offline` are of QoS 0 only. What `si_mqtt_store_refusing_total` counts was not acknowledged, and what `si_mqtt_retained_refused_total` counts was delivered, but not retained.',
  ],
  [
    'Does somebody fall behind?',
    '`si_mqtt_queued_messages`, `si_mqtt_queue_oldest_seconds`; `si-mqtt sessions` shows whose queue it is, `si-mqtt queue` what is in it.',
  ],
  [
    'Is the store fast enough?',
    '`si_mqtt_store_ready`, `si_mqtt_store_pending_bytes`, `histogram_quantile(0.99, rate(si_mqtt_store_commits_within_total[5m]))`.',
  ],
  [
    'Does it run out of something?',
    '`process_open_fds` beside `process_max_fds`, `nodejs_heap_size_used_bytes`, `process_resident_memory_bytes`, `si_mqtt_store_disk_free_bytes`; `nodejs_eventloop_lag_p99_seconds` is the time by which everything is late. What each limit refused has a counter of its own.',
  ],
  [
    'Who tries to come in?',
    '`rate(si_mqtt_authentications_refused_total[5m])`, `si_mqtt_protocol_errors_total`, `si_mqtt_listener_tls_handshake_errors_total`; the log says who and why.',
  ],
];

const sysTopics: Readonly<Record<string, string>> = {
  version: 'name and version',
  uptime: 'seconds since the start, as `40 seconds`',
  'clients/connected': 'sessions with a connection',
  'clients/disconnected': 'sessions without one',
  'clients/total': 'all sessions',
  'clients/expired': 'sessions that ended by their expiry',
  'messages/received': 'MQTT packets of any kind from clients',
  'publish/messages/received': 'messages taken from clients, and of wills',
  'publish/messages/sent': 'PUBLISH packets to clients',
  'publish/messages/dropped': 'deliveries that did not take place, for any reason',
  'bytes/received': 'bytes from clients',
  'bytes/sent': 'bytes to clients',
  'subscriptions/count': 'subscriptions',
  'shared_subscriptions/count': 'shared subscriptions with a member',
  'retained/messages/count': 'retained messages, without those of `$SYS`',
};

/** `docs/metrics.md`, from what a broker with the default store answers at `/metrics` and has below `$SYS/broker/`. */
export function renderMetricsDocument(metrics: string, sysNames: readonly string[]): string {
  const described = describedIn(metrics);
  const own = described.filter(({ name }) => name.startsWith('si_mqtt_'));
  return `${[
    '# Metrics',
    '<!-- Written from what a broker answers by the test metrics-document.test.ts; `npx vitest run -u` in apps/broker writes it anew. -->',
    'The admin listener (`[admin]` in the [configuration](configuration.md), by default `http://127.0.0.1:9883`) serves `/metrics` for Prometheus, `/healthz` and `/readyz` to whoever can reach it.',
    '| question | look at |\n| --- | --- |\n' + questions.map(([question, answer]) => `| ${question} | ${answer} |`).join('\n'),
    '## `/metrics`',
    'Beside these there are the usual `process_…` and `nodejs_…` metrics. Counters begin at 0 with each start. `si_mqtt_store_…` are absent with `storage.driver = "memory"`; those of listeners have the label `listener`.',
    '| name | type | |\n| --- | --- | --- |\n' + own.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`).join('\n'),
    '## `$SYS`',
    'Retained messages of QoS 0 with the topics `$SYS/broker/…`, published again every `sys.intervalSeconds` if they have changed. A client may read them like others if the access rules allow it. Bridges of mosquitto have `$SYS/broker/connection/{client id}/state`.',
    '| topic below `$SYS/broker/` | |\n| --- | --- |\n' + sysNames.map((name) => `| \`${name}\` | ${sysTopics[name]} |`).join('\n'),
  ].join('\n\n')}\n`;
}

function describedIn(metrics: string): Described[] {
  const types = new Map([...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  return [...metrics.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => ({ name, help, type: types.get(name) ?? '' }));
}
