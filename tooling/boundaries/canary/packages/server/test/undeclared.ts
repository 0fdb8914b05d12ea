// breaks: no-undeclared-in-test
import typescript from 'typescript';

export const seen: string = typescript.version;
