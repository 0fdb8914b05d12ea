export const inner: string = 'codec';
