export const inner: string = 'session';
