export type Listener = (...values: never[]) => void;

interface Registration {
  readonly listener: Listener;
  readonly once: boolean;
}

/**
 * As much of Node's EventEmitter as users of mqtt-packet's parser call, without importing `events`, which browsers do not have.
 * Like there, an `error` that nobody listens to is thrown, and listeners added or removed during an `emit` count from the next one on.
 */
export class Emitter {
  readonly #registrations = new Map<string | symbol, readonly Registration[]>();

  on(event: string | symbol, listener: Listener): this {
    return this.#add(event, { listener, once: false });
  }

  addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  once(event: string | symbol, listener: Listener): this {
    return this.#add(event, { listener, once: true });
  }

  prependListener(event: string | symbol, listener: Listener): this {
    this.#registrations.set(event, [{ listener, once: false }, ...this.#of(event)]);
    return this;
  }

  off(event: string | symbol, listener: Listener): this {
    const registrations = this.#of(event);
    const index = registrations.findLastIndex((registration) => registration.listener === listener);
    if (index >= 0) this.#set(event, registrations.toSpliced(index, 1));
    return this;
  }

  removeListener(event: string | symbol, listener: Listener): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: string | symbol): this {
    if (event === undefined) this.#registrations.clear();
    else this.#registrations.delete(event);
    return this;
  }

  /** Calls the listeners in the order of their registration. Returns whether there were any. */
  emit(event: string | symbol, ...values: unknown[]): boolean {
    const registrations = this.#registrations.get(event);
    if (registrations === undefined) {
      if (event === 'error') throw values[0] instanceof Error ? values[0] : new Error(`Unhandled error: ${String(values[0])}`);
      return false;
    }
    for (const registration of registrations) {
      if (registration.once)
        this.#set(
          event,
          this.#of(event).filter((other) => other !== registration),
        );
      Reflect.apply(registration.listener, this, values);
    }
    return true;
  }

  listenerCount(event: string | symbol): number {
    return this.#of(event).length;
  }

  listeners(event: string | symbol): Listener[] {
    return this.#of(event).map((registration) => registration.listener);
  }

  eventNames(): (string | symbol)[] {
    return [...this.#registrations.keys()];
  }

  /** Accepted for compatibility: there is no limit. */
  setMaxListeners(_count: number): this {
    return this;
  }

  #of(event: string | symbol): readonly Registration[] {
    return this.#registrations.get(event) ?? [];
  }

  #add(event: string | symbol, registration: Registration): this {
    this.#registrations.set(event, [...this.#of(event), registration]);
    return this;
  }

  #set(event: string | symbol, registrations: readonly Registration[]): void {
    if (registrations.length === 0) this.#registrations.delete(event);
    else this.#registrations.set(event, registrations);
  }
}
