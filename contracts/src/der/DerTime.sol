// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "./Der.sol";
import { refuse } from "./Refuse.sol";
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
            if (contents.length() != 13) refuse(uint32(CertificateTime.selector));
            uint256 text = digits(contents, 12);
            uint256 year = two(text, 5);
            return (moment(year < 50 ? 2000 + year : 1900 + year, text), rest);
        }
        (contents, rest) = Der.read(cursor, Der.GENERALIZED_TIME);
        if (contents.length() != 15) refuse(uint32(CertificateTime.selector));
        uint256 longText = digits(contents, 14);
        uint256 full = 100 * two(longText, 6) + two(longText, 5);
        if (full < 2050) refuse(uint32(CertificateTime.selector));
        return (moment(full, longText), rest);
    }

    /// The values of so many digits, a byte each and the last one lowest; they must be all that stands before a Z.
    function digits(Slice contents, uint256 count) private pure returns (uint256 values) {
        if (contents.byteAt(count) != 0x5a) refuse(uint32(CertificateTime.selector));
        bool bad;
        assembly ("memory-safe") {
            let unused := sub(256, shl(3, count))
            let zeros := shr(unused, 0x3030303030303030303030303030303030303030303030303030303030303030)
            values := xor(shr(unused, mload(shr(64, contents))), zeros)
            // Above 9 a byte has one of its upper four bits, or gets the lowest of them when 6 is added.
            let upper := 0xf0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0
            let sixes := 0x0606060606060606060606060606060606060606060606060606060606060606
            bad := and(or(values, add(and(values, not(upper)), sixes)), upper)
        }
        if (bad) refuse(uint32(CertificateTime.selector));
    }

    /// Month, day, hour, minute and second are the last five pairs.
    function moment(uint256 year, uint256 text) private pure returns (int64) {
        uint256 month = two(text, 4);
        uint256 day = two(text, 3);
        uint256 hour = two(text, 2);
        uint256 minute = two(text, 1);
        uint256 second = two(text, 0);
        if (hour > 23 || minute > 59 || second > 59) refuse(uint32(CertificateTime.selector));
        if (month == 0 || month > 12 || day == 0 || day > daysIn(year, month)) {
            refuse(uint32(CertificateTime.selector));
        }
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

    /// The number in a pair of digits, counted from the last pair.
    function two(uint256 text, uint256 pair) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            let both := shr(shl(4, pair), text)
            value := add(mul(10, and(shr(8, both), 0xff)), and(both, 0xff))
        }
    }
}
