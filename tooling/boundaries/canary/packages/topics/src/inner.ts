export const inner: string = 'topics';
