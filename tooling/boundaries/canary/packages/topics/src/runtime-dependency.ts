// breaks: no-runtime-dependency, no-undeclared
import typescript from 'typescript';

export const seen: string = typescript.version;
