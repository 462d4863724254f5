# SPDX-License-Identifier: Apache-2.0
"""Check digits. Each function takes the bare characters and says whether they add up."""

from __future__ import annotations

import string

_VIN_VALUES = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    **{"P": 7, "R": 9},
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right is doubled, the sum is a multiple of 10."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        digit = int(char)
        if position % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def vin(number: str) -> bool:
    """49 CFR 565.15(c): the ninth of 17 characters is the weighted sum modulo 11, X for ten."""
    if len(number) != 17 or any(char not in _VIN_VALUES for char in number):
        return False
    pairs = zip(number, _VIN_WEIGHTS, strict=True)
    remainder = sum(_VIN_VALUES[char] * weight for char, weight in pairs) % 11
    return number[8] == ("X" if remainder == 10 else str(remainder))


def dea(number: str) -> bool:
    """DEA registration: two letters and seven digits; (1+3+5) + 2(2+4+6) ends in the seventh."""
    if len(number) != 9 or not number[:2].isalpha() or not number[2:].isdecimal():
        return False
    digits = [int(char) for char in number[2:]]
    return (sum(digits[0:5:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def npi(number: str) -> bool:
    """National Provider Identifier: ten digits that pass Luhn behind the prefix 80840."""
    return len(number) == 10 and number[0] in "12" and luhn("80840" + number)


_IBAN_VALUES = {ord(char): str(int(char, 36)) for char in string.ascii_letters}


def iban_chars(text: str) -> int:
    """How many characters of groups of letters and digits, up to a space or the end, are an IBAN.

    The most that are; 0 for none. A word in capitals behind the number looks like one group more.
    ISO 13616: with the first four characters moved to the end, and letters as numbers from 10 to
    35, the remainder by 97 is 1.
    """
    groups, values = text.split(" "), text.translate(_IBAN_VALUES).split(" ")
    head = groups[0][:4].translate(_IBAN_VALUES)
    groups[0], values[0] = groups[0][4:], values[0][len(head) :]
    place, check = 10 ** len(head), int(head)
    remainder = chars = count = found = 0
    for group, digits in zip(groups, values, strict=True):
        remainder = (remainder * 10 ** len(digits) + int(digits or "0")) % 97
        count += len(group)
        chars += len(group) + 1
        if 15 <= count + 4 <= 34 and (remainder * place + check) % 97 == 1:
            found = chars + 3
    return found


def nhs(digits: str) -> bool:
    """NHS number: ten digits; weights 10 to 2, eleven less the remainder by 11 is the last."""
    if len(digits) != 10:
        return False
    total = sum(int(digit) * (10 - at) for at, digit in enumerate(digits[:9]))
    return (11 - total % 11) % 11 == int(digits[9])


def dni(number: str) -> bool:
    """Spanish identity card: eight digits, and the letter of their remainder by 23."""
    return (
        number[:-1].isdecimal() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number[:-1]) % 23] == number[-1]
    )


def ppsn(number: str) -> bool:
    """Irish Personal Public Service Number: weights 8 to 2, a second letter counts ninefold.

    The remainder by 23 is the first letter's place in the alphabet, W for none.
    """
    total = sum(int(digit) * (8 - at) for at, digit in enumerate(number[:7]))
    if len(number) == 9:
        total += 9 * (ord(number[8]) - ord("A") + 1)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == number[7]


def nir(number: str) -> bool:
    """French social security number: the key is 97 less the remainder by 97 of the 13 before it.

    In Corsica's departments the letters 2A and 2B count as 19 and 18.
    """
    plain = number.replace("2A", "19").replace("2B", "18")
    return len(plain) == 15 and 97 - int(plain[:13]) % 97 == int(plain[13:])
