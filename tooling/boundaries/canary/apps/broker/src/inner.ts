export const inner: string = 'broker';
