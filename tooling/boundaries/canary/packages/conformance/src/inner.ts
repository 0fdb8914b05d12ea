export const inner: string = 'conformance';
