/* Value of an arithmetic expression; sets *error on bad input or division by zero. */
long evaluate(const char *text, int *error);
