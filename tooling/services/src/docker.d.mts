import { type Service } from './index.mjs';

/** Where a server comes from: the URL that somebody gives, else Docker, else packages of the system, which only root may install. */
export function sourceOf(machine: { readonly given: string | undefined; readonly hasDocker: boolean }): 'given' | 'docker' | 'installed';
/** Whether there are both, Docker's engine and its `compose`, and this user may use them. */
export function dockerWorks(): Promise<boolean>;
/** One server of compose.yaml, in a project of this process's own. */
export function startWithDocker(name: 'mysql' | 'mariadb' | 'mongodb'): Promise<Omit<Service, 'pid'>>;
