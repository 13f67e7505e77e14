// Which release this is: 2.0.0, whose guests may leave a line of text.
export const SCHEMA = 2;
