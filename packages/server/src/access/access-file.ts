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

  /** Reads the file again, for SIGHUP. False if it cannot be used: `onError` was told and the rules stay as they were. */
  reload(): Promise<boolean> {
    return this.#file.reload();
  }

  /** Ends the polling. */
  close(): void {
    this.#file.close();
  }
}

class FilePermissions implements Permissions {
  readonly #file: PolledFile<AccessRulesText>;
  readonly #userName: string | undefined;
  readonly #clientId: string;
  #compiledVersion = 0;
  /** The list of the user, shared by all its connections, and the substituted patterns of this one. */
  #lists: readonly [own: RuleList, patterns: RuleList] = [emptyRules(), emptyRules()];

  constructor(file: PolledFile<AccessRulesText>, userName: string | undefined, clientId: string) {
    this.#file = file;
    this.#userName = userName;
    this.#clientId = clientId;
  }

  get version(): number {
    return this.#file.version;
  }

  mayPublish(topicName: string, _qos: number, _retain: boolean): boolean {
    const [own, patterns] = this.#current();
    return (matchesAny(own.write, topicName) || matchesAny(patterns.write, topicName)) && !this.#isDenied(topicName);
  }

  maySubscribe(topicFilter: string): SubscribeDecision {
    const [own, patterns] = this.#current();
    return decideSubscription(topicFilter, [...own.read, ...patterns.read], [...own.deny, ...patterns.deny]);
  }

  mayReceive(topicName: string): boolean {
    const [own, patterns] = this.#current();
    return (matchesAny(own.read, topicName) || matchesAny(patterns.read, topicName)) && !this.#isDenied(topicName);
  }

  #isDenied(topicName: string): boolean {
    const [own, patterns] = this.#lists;
    return matchesAny(own.deny, topicName) || matchesAny(patterns.deny, topicName);
  }

  #current(): readonly [own: RuleList, patterns: RuleList] {
    if (this.#compiledVersion !== this.#file.version) {
      const { anonymous, users, patterns } = this.#file.content;
      const own = this.#userName === undefined ? anonymous : (users.get(this.#userName) ?? emptyRules());
      this.#lists = [own, substitutePatterns(patterns, this.#userName, this.#clientId)];
      this.#compiledVersion = this.#file.version;
    }
    return this.#lists;
  }
}

function matchesAny(filters: readonly string[], topicName: string): boolean {
  for (const filter of filters) {
    if (matches(filter, topicName)) return true;
  }
  return false;
}
