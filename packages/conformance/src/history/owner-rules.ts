import { type Note } from './events.js';
import { never, type Timeline } from './timeline.js';

interface Ownership {
  readonly owner: string;
  readonly epoch: number;
  readonly from: number;
  until: number;
}

/** One owner for each client id (I4): as the nodes say, and as the clients see. */
export function checkOwners(timeline: Timeline): void {
  checkIntervals(timeline);
  checkAnswers(timeline);
}

/** Ownership that nodes tell of never overlaps, and its epochs grow. */
function checkIntervals(timeline: Timeline): void {
  const held = new Map<string, Ownership[]>();
  const take = (at: number, note: Note) => {
    if (note.note === 'owned') {
      const own = held.get(note.client) ?? [];
      held.set(note.client, own);
      for (const other of own) {
        if (other.until === never)
          timeline.violation('twoOwners', `${note.owner} took ${note.client} while ${other.owner} had it`, other.from, at);
        if (other.epoch >= note.epoch)
          timeline.violation('twoOwners', `${note.owner} took ${note.client} under an epoch that is not higher`, other.from, at);
      }
      own.push({ owner: note.owner, epoch: note.epoch, from: at, until: never });
    } else if (note.note === 'disowned') {
      for (const one of held.get(note.client) ?? []) if (one.owner === note.owner) one.until = Math.min(one.until, at);
    }
  };
  for (const [at, event] of timeline.events.entries()) if (event.type === 'note') take(at, event.note);
}

/** What a client asks on a connection after another one was accepted under its id is never answered. */
function checkAnswers(timeline: Timeline): void {
  const accepted = new Map<string, { readonly completed: number; readonly invoked: number; readonly number: number }[]>();
  for (const { client, connect, number } of timeline.connections.values()) {
    if (connect.outcome !== 'ok') continue;
    const own = accepted.get(client) ?? [];
    own.push({ completed: connect.completed, invoked: connect.invoked, number });
    accepted.set(client, own);
  }
  for (const { call, outcome, invoked, completed } of timeline.operations) {
    if (call.call === 'connect' || outcome !== 'ok') continue;
    const connection = timeline.connections.get(call.connection)!;
    // Of two that race nobody can tell which one is later.
    const later = accepted.get(call.client)?.find((one) => one.invoked > connection.connect.completed && one.completed < invoked);
    if (later === undefined) continue;
    const text = `${call.client} was answered on connection ${call.connection} after connection ${later.number} had been accepted`;
    timeline.violation('twoOwners', text, later.completed, invoked, completed);
  }
}
