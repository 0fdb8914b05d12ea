import { matches } from '@si-mqtt/topics';
import { type AccessRulesText, emptyRules, parseAccessRules, type RuleList, substitutePatterns } from './access-rules-text.js';
import { type AccessRules, type Permissions, type SubscribeDecision } from './permissions.js';
import { PolledFile, type PolledFileOptions } from './polled-file.js';
import { decideSubscription } from './subscribe-decision.js';

/**
 * Access rules in mosquitto's format. What no rule allows is refused, and a `deny` rule that matches takes away whatever else allows it, be it
 * a `topic` or a `pattern` rule (mosquitto itself lets a `topic` rule win over a denying `pattern`, against its manual). Patterns without
 * placeholder hold for every client, also for those whose name has wildcards, from which mosquitto withholds all patterns.
 */
export class AccessFile implements AccessRules {
  readonly #file: PolledFile<AccessRulesText>;

  private constructor(file: PolledFile<AccessRulesText>) {
    this.#file = file;
  }

  /** Rejects with a `FileError` if the file is missing or wrong. */
  static async open(options: PolledFileOptions): Promise<AccessFile> {
    return new AccessFile(await PolledFile.open(options, parseAccessRules));
  }

  /** Grows with each new content; the same number as `version` of all its `Permissions`. */
  get version(): number {
    return this.#file.version;
  }

  permissionsFor(userName: string | undefined, clientId: string): Permissions {
    return new FilePermissions(this.#file, userName, clientId);
  }

  /** Reads the file again, or another one that takes its place, and changes nothing until what it resolves to is called. Rejects with a `FileError`. */
  prepare(path?: string): Promise<() => void> {
    return this.#file.prepare(path);
  }

  /** Ends the polling. */
  close(): void {
    this.#file.close();
  }
}

/** Of all clients to which no rule applies. */
const noRules: RuleList = emptyRules();

class FilePermissions implements Permissions {
  readonly #file: PolledFile<AccessRulesText>;
  readonly #userName: string | undefined;
  readonly #clientId: string;
  #compiledVersion = 0;
  /** The list of the user, shared by all its connections. */
  #own: RuleList = noRules;
  /** The substituted patterns of this one. */
  #patterns: RuleList = noRules;

  constructor(file: PolledFile<AccessRulesText>, userName: string | undefined, clientId: string) {
    this.#file = file;
    this.#userName = userName;
    this.#clientId = clientId;
  }

  get version(): number {
    return this.#file.version;
  }

  mayPublish(topicName: string, _qos: number, _retain: boolean): boolean {
    this.#compile();
    return (matchesAny(this.#own.write, topicName) || matchesAny(this.#patterns.write, topicName)) && !this.#isDenied(topicName);
  }

  maySubscribe(topicFilter: string): SubscribeDecision {
    this.#compile();
    const own = this.#own;
    const patterns = this.#patterns;
    return decideSubscription(topicFilter, [...own.read, ...patterns.read], [...own.deny, ...patterns.deny]);
  }

  mayReceive(topicName: string): boolean {
    this.#compile();
    return (matchesAny(this.#own.read, topicName) || matchesAny(this.#patterns.read, topicName)) && !this.#isDenied(topicName);
  }

  #isDenied(topicName: string): boolean {
    return matchesAny(this.#own.deny, topicName) || matchesAny(this.#patterns.deny, topicName);
  }

  #compile(): void {
    if (this.#compiledVersion === this.#file.version) return;
    this.#compiledVersion = this.#file.version;
    const { anonymous, users, patterns } = this.#file.content;
    this.#own = this.#userName === undefined ? anonymous : (users.get(this.#userName) ?? noRules);
    const hasPatterns = patterns.read.length + patterns.write.length + patterns.deny.length > 0;
    this.#patterns = hasPatterns ? substitutePatterns(patterns, this.#userName, this.#clientId) : noRules;
  }
}

function matchesAny(filters: readonly string[], topicName: string): boolean {
  for (const filter of filters) {
    if (matches(filter, topicName)) return true;
  }
  return false;
}
