// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { TokenSignature } from "../../src/settlement/Funds.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract SignedDepositsTest is SettlementFixture {
    function setUp() external {
        deploy();
    }

    function test_takesAPermit() external {
        TokenSignature memory permit = permitOf(0xbeef, 700);
        vm.startPrank(payer);
        token.approve(address(settlement), 0);
        settlement.depositWithPermit(700, block.timestamp, permit);
        vm.stopPrank();
        vm.assertEq(settlement.creditOf(payer), 700);
    }

    /// Whoever sees the permit first can use it, which leaves the allowance that was wanted.
    function test_aPermitThatWasFrontRunStillDeposits() external {
        TokenSignature memory permit = permitOf(0xbeef, 700);
        vm.prank(payer);
        token.approve(address(settlement), 0);
        vm.prank(stranger);
        token.permit(payer, address(settlement), 700, block.timestamp, permit.v, permit.r, permit.s);
        vm.prank(payer);
        settlement.depositWithPermit(700, block.timestamp, permit);
        vm.assertEq(settlement.creditOf(payer), 700);
    }

    /// The attack on forged payers: another's permit or allowance moves nothing.
    function test_nobodyElseCanSpendAPermitOrAnAllowance() external {
        TokenSignature memory permit = permitOf(0xbeef, 700);
        vm.prank(stranger);
        vm.expectRevert();
        settlement.depositWithPermit(700, block.timestamp, permit);
        vm.prank(stranger);
        vm.expectRevert();
        settlement.deposit(stranger, 1);
        vm.assertEq(token.balanceOf(payer), 1_000_000);
    }

    function test_takesAnAuthorizationFromWhoeverBringsIt() external {
        bytes32 nonce = keccak256("nonce");
        TokenSignature memory signature = authorization(address(settlement), 900, nonce);
        vm.prank(stranger);
        settlement.depositWithAuthorization(payer, 900, 0, type(uint256).max >> 1, nonce, signature);
        vm.assertEq(settlement.creditOf(payer), 900);
        vm.assertEq(settlement.creditOf(stranger), 0);
        vm.expectRevert();
        settlement.depositWithAuthorization(payer, 900, 0, type(uint256).max >> 1, nonce, signature);
    }

    function test_refusesAuthorizationsForOthers() external {
        bytes32 nonce = keccak256("nonce");
        TokenSignature memory signature = authorization(stranger, 900, nonce);
        vm.expectRevert();
        settlement.depositWithAuthorization(payer, 900, 0, type(uint256).max >> 1, nonce, signature);
        signature = authorization(address(settlement), 900, nonce);
        vm.expectRevert();
        settlement.depositWithAuthorization(stranger, 900, 0, type(uint256).max >> 1, nonce, signature);
        vm.expectRevert();
        settlement.depositWithAuthorization(payer, 901, 0, type(uint256).max >> 1, nonce, signature);
    }

    function permitOf(uint256 key, uint256 amount) private view returns (TokenSignature memory signature) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        address owner = vm.addr(key);
        bytes32 structHash =
            keccak256(abi.encode(typeHash, owner, address(settlement), amount, token.nonces(owner), block.timestamp));
        (signature.v, signature.r, signature.s) = vm.sign(key, token.digest(structHash));
    }

    function authorization(address to, uint256 amount, bytes32 nonce)
        private
        view
        returns (TokenSignature memory signature)
    {
        bytes32 structHash = keccak256(
            abi.encode(token.RECEIVE_TYPEHASH(), payer, to, amount, uint256(0), type(uint256).max >> 1, nonce)
        );
        (signature.v, signature.r, signature.s) = vm.sign(0xbeef, token.digest(structHash));
    }
}
