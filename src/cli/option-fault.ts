/** An option of a command that cannot be used as it was given; the message is for the person at the terminal. */
export class OptionFault extends Error {
  override readonly name = 'OptionFault';
}
