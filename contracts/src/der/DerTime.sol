// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { Slice } from "./Slice.sol";

/// A date that the calendar does not have, or that is written in another way than RFC 5280 asks for.
error CertificateTime();

/// RFC 5280 section 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050, both to the second and in Z.
library DerTime {
    /// Seconds since 1970, negative before, of the first element; and what follows it.
    function read(Slice cursor) internal pure returns (int64 time, Slice rest) {
        Slice contents;
        if (Der.startsWith(cursor, Der.UTC_TIME)) {
            (contents, rest) = Der.read(cursor, Der.UTC_TIME);
            if (contents.length() != 13) revert CertificateTime();
            uint256 year = two(contents, 0);
            return (moment(year < 50 ? 2000 + year : 1900 + year, contents, 2), rest);
        }
        (contents, rest) = Der.read(cursor, Der.GENERALIZED_TIME);
        if (contents.length() != 15) revert CertificateTime();
        uint256 century = two(contents, 0);
        uint256 full = 100 * century + two(contents, 2);
        if (full < 2050) revert CertificateTime();
        return (moment(full, contents, 4), rest);
    }

    function moment(uint256 year, Slice digits, uint256 at) private pure returns (int64) {
        uint256 month = two(digits, at);
        uint256 day = two(digits, at + 2);
        uint256 hour = two(digits, at + 4);
        uint256 minute = two(digits, at + 6);
        uint256 second = two(digits, at + 8);
        if (digits.byteAt(at + 10) != 0x5a) revert CertificateTime();
        if (hour > 23 || minute > 59 || second > 59) revert CertificateTime();
        if (month == 0 || month > 12 || day == 0 || day > daysIn(year, month)) revert CertificateTime();
        uint256 daySeconds = 3600 * hour + 60 * minute + second;
        // Years are 1950 to 9999: a few hundred thousand million seconds at most.
        return int64(86_400 * daysSince1970(year, month, day) + int256(daySeconds));
    }

    function daysIn(uint256 year, uint256 month) private pure returns (uint256) {
        if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    }

    /// Counted from 1 March of the year 0, so that the day that some years lack is the last of its year.
    function daysSince1970(uint256 year, uint256 month, uint256 day) private pure returns (int256) {
        uint256 y = month > 2 ? year : year - 1;
        uint256 monthsSinceMarch = (month + 9) % 12;
        uint256 dayOfYear = (153 * monthsSinceMarch + 2) / 5 + day - 1;
        return int256(365 * y + y / 4 - y / 100 + y / 400 + dayOfYear) - 719_468;
    }

    /// Two digits. The lengths above cover every place that is read.
    function two(Slice text, uint256 at) private pure returns (uint256) {
        return 10 * digit(text.byteAt(at)) + digit(text.byteAt(at + 1));
    }

    function digit(uint256 character) private pure returns (uint256) {
        if (character < 0x30 || character > 0x39) revert CertificateTime();
        return character - 0x30;
    }
}
