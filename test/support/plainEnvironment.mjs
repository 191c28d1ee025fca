// jest's own environment for Node, but with a plain global object. Its own is a proxy inside a proxy: each use of a name such as Date or Map
// leaves the machine code for a trap in JavaScript, in every line of every file that a test reads.
import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

const { createContext } = vm;

export default class PlainEnvironment extends TestEnvironment {
  /** @param {ConstructorParameters<typeof TestEnvironment>} given */
  constructor(...given) {
    // It has no setting for it, and calls this once.
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...given);
    } finally {
      vm.createContext = createContext;
    }
  }
}
