// breaks:
export const fixture: string = '';
